package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"gopkg.in/yaml.v3"

	"github.com/celmap/celmap/internal/golden"
)

// manifest is what the tests read of the example for Kubernetes.
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

var _ = Describe("The example for Kubernetes", func() {
	manifests := func() map[string]manifest {
		GinkgoHelper()
		data, err := os.ReadFile("../../deploy/kubernetes.yaml")
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

	It("has rules that load, as they are mounted, and pass their fixtures", func() {
		mount := GinkgoT().TempDir()
		Expect(os.Mkdir(filepath.Join(mount, "..2024"), 0o755)).To(Succeed())
		Expect(os.Symlink("..2024", filepath.Join(mount, "..data"))).To(Succeed())
		for name, text := range manifests()["ConfigMap"].Data {
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
		containers := manifests()["Deployment"].Spec.Template.Spec.Containers
		Expect(containers[0].Name).To(Equal("celmap"))
		parser, err := kong.New(&commands{})
		Expect(err).NotTo(HaveOccurred())
		_, err = parser.Parse(containers[0].Args)
		Expect(err).NotTo(HaveOccurred())
	})
})
