package serve

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Rules", func() {
	var root, folder string
	BeforeEach(func() {
		root = GinkgoT().TempDir()
		folder = rulesIn(filepath.Join(root, "notes"))
	})
	serving := func(change ...func(*Options)) *running {
		GinkgoHelper()
		return start(append([]func(*Options){func(o *Options) { o.Mappings = []Mapping{folderMapping(folder)} }}, change...)...)
	}
	types := func(r *running) func() []string {
		return func() []string {
			_, page := r.readyPage()
			return page.Types
		}
	}
	problems := func(r *running) func() []Problem {
		return func() []Problem {
			_, page := r.readyPage()
			if page.Reload == nil {
				return nil
			}
			return page.Reload.Problems
		}
	}
	renamed := func(to string) string { return strings.Replace(destinationFile, "[N]", "["+to+"]", 1) }
	broken := strings.Replace(mappingFile, "text: text", "text: =lower(propertys.text)", 1)

	It("are served at once, by all their names", func() {
		r := serving()
		status, page := r.readyPage()
		Expect(status).To(Equal(200))
		Expect(page.Ready).To(BeTrue())
		Expect(page.Types).To(Equal([]string{"n", "notes"}))
		Expect(page.Since).NotTo(BeNil())
		Expect(page.Reload).To(BeNil())
		Expect(r.metric("celmap_rules_loads_total")).To(ConsistOf(`celmap_rules_loads_total{result="success"} 1`))
	})

	It("are replaced when a file is written", func() {
		r := serving()
		write(folder, map[string]string{"destination.yaml": renamed("M")})
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
	})

	It("are replaced when a file is renamed over another, as editors do", func() {
		r := serving()
		write(folder, map[string]string{"destination.yaml~": renamed("M")})
		Expect(os.Rename(filepath.Join(folder, "destination.yaml~"), filepath.Join(folder, "destination.yaml"))).To(Succeed())
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
	})

	It("are replaced when files in new folders below are", func() {
		r := serving()
		Expect(os.Remove(filepath.Join(folder, "note.yaml"))).To(Succeed())
		write(folder, map[string]string{"deep/er/note.yaml": mappingFile, "destination.yaml": renamed("M")})
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
		write(folder, map[string]string{"deep/er/note.yaml": broken})
		Eventually(problems(r)).ShouldNot(BeEmpty())
	})

	It("are replaced when Kubernetes changes a ConfigMap", func() {
		mount := filepath.Join(root, "mounted")
		release := func(name string, files map[string]string) {
			GinkgoHelper()
			write(filepath.Join(mount, name), files)
			Expect(os.Symlink(name, filepath.Join(mount, "..data_tmp"))).To(Succeed())
			Expect(os.Rename(filepath.Join(mount, "..data_tmp"), filepath.Join(mount, "..data"))).To(Succeed())
		}
		release("..2024_01", map[string]string{"destination.yaml": destinationFile, "note.yaml": mappingFile})
		for _, name := range []string{"destination.yaml", "note.yaml"} {
			Expect(os.Symlink(filepath.Join("..data", name), filepath.Join(mount, name))).To(Succeed())
		}
		folder = mount
		r := serving()
		Expect(types(r)()).To(Equal([]string{"n", "notes"}))
		for _, alias := range []string{"A", "B", "C"} {
			release("..2024_"+alias, map[string]string{"destination.yaml": renamed(alias), "note.yaml": mappingFile})
			Eventually(types(r)).Should(Equal([]string{strings.ToLower(alias), "notes"}))
		}
	})

	It("are replaced when a file is written that a link leads to", func() {
		write(folder, map[string]string{".hidden/deep/real.yaml": destinationFile})
		Expect(os.Remove(filepath.Join(folder, "destination.yaml"))).To(Succeed())
		Expect(os.Symlink(".hidden/deep", filepath.Join(folder, ".way"))).To(Succeed())
		Expect(os.Symlink(".way/real.yaml", filepath.Join(folder, "destination.yaml"))).To(Succeed())
		r := serving()
		for _, alias := range []string{"A", "B", "C"} {
			write(folder, map[string]string{".hidden/deep/real.yaml": renamed(alias)})
			Eventually(types(r)).Should(Equal([]string{strings.ToLower(alias), "notes"}))
		}
	})

	It("are replaced when the link to their folder leads elsewhere", func() {
		link := filepath.Join(root, "current")
		Expect(os.Symlink("notes", link)).To(Succeed())
		rulesIn(filepath.Join(root, "next"))
		write(filepath.Join(root, "next"), map[string]string{"destination.yaml": renamed("M")})
		folder = link
		r := serving()
		Expect(os.Symlink("next", link+"~")).To(Succeed())
		Expect(os.Rename(link+"~", link)).To(Succeed())
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
		write(filepath.Join(root, "next"), map[string]string{"destination.yaml": renamed("O")})
		Eventually(types(r)).Should(Equal([]string{"notes", "o"}))
	})

	It("are served on while their folder is gone, and replaced when it is there again", func() {
		r := serving()
		Expect(os.RemoveAll(folder)).To(Succeed())
		Eventually(problems(r)).ShouldNot(BeEmpty())
		Expect(types(r)()).To(Equal([]string{"n", "notes"}))
		rulesIn(folder)
		write(folder, map[string]string{"destination.yaml": renamed("M")})
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
		Eventually(problems(r)).Should(BeEmpty())
	})

	It("are replaced when another folder takes the place of theirs", func() {
		r := serving()
		other := rulesIn(filepath.Join(root, "other"))
		write(other, map[string]string{"destination.yaml": renamed("M")})
		Expect(os.Rename(folder, folder+".old")).To(Succeed())
		Expect(os.Rename(other, folder)).To(Succeed())
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
		write(folder, map[string]string{"destination.yaml": renamed("O")})
		Eventually(types(r)).Should(Equal([]string{"notes", "o"}))
	})

	It("are served on where new ones have a mistake, which is told with its place", func() {
		r := serving()
		write(folder, map[string]string{"note.yaml": broken})
		Eventually(problems(r)).Should(ConsistOf(Problem{
			Place: "notes/note.yaml:7:20", Code: "R301 unknown-name", Message: "nothing here is called propertys", Help: "did you mean properties?",
		}))
		status, page := r.readyPage()
		Expect(status).To(Equal(200))
		Expect(page.Ready).To(BeTrue())
		Expect(page.Reload.Count).To(Equal(1))
		Expect(r.metric("celmap_rules_reload_failed")).To(ConsistOf("celmap_rules_reload_failed 1"))
		Expect(r.log).To(say(`"place":"notes/note.yaml:7:20","code":"R301 unknown-name","message":"nothing here is called propertys"`))
		write(folder, map[string]string{"note.yaml": mappingFile})
		Eventually(problems(r)).Should(BeEmpty())
		Expect(r.metric("celmap_rules_reload_failed")).To(ConsistOf("celmap_rules_reload_failed 0"))
	})

	It("are served on where new ones fail a fixture", func() {
		write(folder, map[string]string{"a note is sent.yaml": fixtureFile})
		r := serving()
		_, page := r.readyPage()
		Expect(page.Fixtures).To(Equal(1))
		write(folder, map[string]string{"note.yaml": strings.Replace(mappingFile, "text: text", "text: body", 1), "destination.yaml": renamed("M")})
		Eventually(problems(r)).Should(ConsistOf(And(
			HaveField("Place", HaveSuffix("/a note is sent.yaml:5:83")),
			HaveField("Message", ContainSubstring(`the fixture "a note is sent" fails: requests[0].body.notes[0].text is absent, and text "hello" is expected`)),
			HaveField("Help", ContainSubstring("notes/note.yaml:7:7")),
		)))
		Expect(types(r)()).To(Equal([]string{"n", "notes"}))
		_, page = r.readyPage()
		Expect(page.Fixtures).To(Equal(1), "those that the rules passed which are served")
		Expect(r.metric("celmap_rules_fixtures_passed")).To(ConsistOf("celmap_rules_fixtures_passed 1"))
		write(folder, map[string]string{"a note is sent.yaml": strings.Replace(fixtureFile, "{text: hello}}\n", "{body: hello}}\n", 1)})
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
	})

	It("run the fixtures in a folder beside theirs, also if it comes later, and no others", func() {
		r := serving()
		write(filepath.Join(root, "fixtures"), map[string]string{
			"notes/a note is sent.yaml": fixtureFile,
			"others/fails.yaml":         strings.Replace(fixtureFile, "destination: notes", "destination: others", 1),
		})
		Eventually(func() int {
			_, page := r.readyPage()
			return page.Fixtures
		}).Should(Equal(1))
		Expect(problems(r)()).To(BeEmpty())
	})

	It("run the fixtures that are named, as Kubernetes mounts them", func() {
		mount := filepath.Join(root, "cases")
		write(filepath.Join(mount, "..2024_01"), map[string]string{"sent.yaml": fixtureFile})
		Expect(os.Symlink("..2024_01", filepath.Join(mount, "..data"))).To(Succeed())
		Expect(os.Symlink("..data/sent.yaml", filepath.Join(mount, "sent.yaml"))).To(Succeed())
		r := serving(func(o *Options) { o.Fixtures = []string{mount} })
		_, page := r.readyPage()
		Expect(page.Fixtures).To(Equal(1))
	})

	It("are not read again for files that are none of theirs", func() {
		r := serving()
		write(folder, map[string]string{".git/index": "x"})
		write(root, map[string]string{"else.yaml": "x"})
		write(folder, map[string]string{"destination.yaml": renamed("M")})
		Eventually(types(r)).Should(Equal([]string{"m", "notes"}))
		Expect(r.metric("celmap_rules_loads_total")).To(ConsistOf(`celmap_rules_loads_total{result="success"} 2`))
	})

	It("are read again when asked to, where files are not watched", func() {
		r := serving(func(o *Options) { o.Watch = false })
		write(folder, map[string]string{"destination.yaml": renamed("M")})
		r.Reload()
		Expect(types(r)()).To(Equal([]string{"m", "notes"}))
	})

	It("that are broken at the start leave the port open, and recover", func() {
		write(folder, map[string]string{"note.yaml": broken})
		r := serving()
		Expect(r.get("/health").status).To(Equal(200))
		status, page := r.readyPage()
		Expect(status).To(Equal(503))
		Expect(page.Ready).To(BeFalse())
		Expect(page.Because).To(Equal("rules could not be loaded"))
		Expect(page.Reload.Problems).To(HaveLen(1))
		answer := r.do("POST", "/routerTransform", `{"input":[],"destType":"notes"}`)
		Expect(answer.status).To(Equal(503))
		Expect(answer.header.Get("X-Rudder-Should-Retry")).To(Equal("true"))
		Expect(r.get("/features").status).To(Equal(503))
		write(folder, map[string]string{"note.yaml": mappingFile})
		Eventually(func() int { return r.get("/ready").status }).Should(Equal(200))
	})

	It("that share a name are not served together", func() {
		other := rulesIn(filepath.Join(root, "other"))
		write(other, map[string]string{"destination.yaml": strings.Replace(destinationFile, "name: notes", "name: others", 1)})
		r := start(func(o *Options) { o.Mappings = []Mapping{folderMapping(folder), folderMapping(other)} })
		Expect(problems(r)()).To(ConsistOf(HaveField("Message", "it calls itself n, as another mapping does that is served")))
	})

	It("whose loading panics do not end the server", func() {
		r := start(func(o *Options) { o.Mappings = []Mapping{{Name: "notes"}} }) // which cannot even be called
		Expect(problems(r)()).To(ConsistOf(HaveField("Message", HavePrefix("internal error: "))))
		Expect(r.get("/health").status).To(Equal(200))
	})
})
