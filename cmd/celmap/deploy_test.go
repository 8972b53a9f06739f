package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"gopkg.in/yaml.v3"

	"github.com/celmap/celmap/internal/golden"
)

// manifest is what the tests read of the examples for Kubernetes.
type manifest struct {
	Kind string
	Data map[string]string
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Name string
					Args []string
				}
			}
		}
	}
}

// manifests are the objects of an example, by their kind.
func manifests(file string) map[string]manifest {
	GinkgoHelper()
	data, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	found := map[string]manifest{}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var m manifest
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			return found
		}
		Expect(err).NotTo(HaveOccurred())
		found[m.Kind] = m
	}
}

// understood fails where celmap does not know a flag.
func understood(args []string) *commands {
	GinkgoHelper()
	c := &commands{}
	parser, err := kong.New(c)
	Expect(err).NotTo(HaveOccurred())
	_, err = parser.Parse(args)
	Expect(err).NotTo(HaveOccurred())
	return c
}

var _ = Describe("The example of celmap serve for Kubernetes", func() {
	const file = "../../deploy/serve.yaml"

	It("has rules that load, as they are mounted, and pass their fixtures", func() {
		mount := GinkgoT().TempDir()
		Expect(os.Mkdir(filepath.Join(mount, "..2024"), 0o755)).To(Succeed())
		Expect(os.Symlink("..2024", filepath.Join(mount, "..data"))).To(Succeed())
		for name, text := range manifests(file)["ConfigMap"].Data {
			Expect(os.WriteFile(filepath.Join(mount, "..2024", name), []byte(text), 0o644)).To(Succeed())
			Expect(os.Symlink(filepath.Join("..data", name), filepath.Join(mount, name))).To(Succeed())
		}
		m, err := findMapping(mount)
		Expect(err).NotTo(HaveOccurred())
		files, err := golden.Find([]string{mount})
		Expect(err).NotTo(HaveOccurred())
		runner := golden.Runner{Library: golden.NewLibrary(golden.Mapping{Name: "acme", Load: m.load})}
		summary, err := runner.Run(files)
		Expect(err).NotTo(HaveOccurred())
		Expect(summary.Verdicts).To(HaveLen(1))
		Expect(summary.OK()).To(BeTrue(), "%+v %v", summary.Verdicts[0], summary.Rules)
	})

	It("has flags that celmap knows", func() {
		containers := manifests(file)["Deployment"].Spec.Template.Spec.Containers
		Expect(containers[0].Name).To(Equal("celmap"))
		understood(containers[0].Args)
	})
})

var _ = Describe("The examples of celmap send", func() {
	It("for Kubernetes can be started: flags, tier and settings", func() {
		found := manifests("../../deploy/send.yaml")
		c := understood(found["StatefulSet"].Spec.Template.Spec.Containers[0].Args).Send
		GinkgoT().Setenv("HUBSPOT_TOKEN", "made-up")
		c.Config = filepath.Join(GinkgoT().TempDir(), filepath.Base(c.Config))
		Expect(os.WriteFile(c.Config, []byte(found["ConfigMap"].Data[filepath.Base(c.Config)]), 0o600)).To(Succeed())
		Expect(c.wellFormed()).To(Succeed())
		_, err := c.deliverer()
		Expect(err).NotTo(HaveOccurred())
	})

	It("for systemd have flags that celmap knows, and keep the queue where it may write", func() {
		unit, err := os.ReadFile("../../deploy/send.service")
		Expect(err).NotTo(HaveOccurred())
		start := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/celmap (.*)$`).FindSubmatch(unit)
		Expect(start).NotTo(BeNil())
		c := understood(strings.Fields(string(start[1]))).Send
		Expect(c.wellFormed()).To(Succeed())
		Expect(string(unit)).To(MatchRegexp(`(?m)^StateDirectory=%s$`, filepath.Base(c.State)))
	})
})
