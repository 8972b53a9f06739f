//go:build linux

package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// natsOf is the variable that makes this test's own binary a NATS server.
const natsOf = "CELMAP_SOAK_NATS"

// member is a server of a cluster.
type member struct {
	Name       string
	Port, Ring int // for clients, and for the other servers
	Rings      []int
	Folder     string
}

// runNATS serves until it is killed, if this process is meant to be a server.
func runNATS() bool {
	text, wanted := os.LookupEnv(natsOf)
	if !wanted {
		return false
	}
	var m member
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	var routes []string
	for _, ring := range m.Rings {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ring))
	}
	o := &server.Options{
		ServerName: m.Name, Host: "127.0.0.1", Port: m.Port, JetStream: true, StoreDir: m.Folder, MaxPayload: 8 << 20, NoSigs: true,
		Cluster: server.ClusterOpts{Name: "soak", Host: "127.0.0.1", Port: m.Ring},
		Routes:  server.RoutesFromStr(strings.Join(routes, ",")),
	}
	s, err := server.NewServer(o)
	if err != nil {
		panic(err)
	}
	s.SetLoggerV2(errorsOnly{}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		panic("the server is not ready")
	}
	fmt.Fprintf(os.Stderr, "listening on %s\n", s.ClientURL())
	s.WaitForShutdown()
	return true
}

// errorsOnly has a server say what is wrong.
type errorsOnly struct{}

func (errorsOnly) Noticef(string, ...any) {}
func (errorsOnly) Warnf(string, ...any)   {}
func (errorsOnly) Debugf(string, ...any)  {}
func (errorsOnly) Tracef(string, ...any)  {}
func (errorsOnly) Errorf(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "error: "+format+"\n", values...)
}
func (errorsOnly) Fatalf(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "fatal: "+format+"\n", values...)
}

// cluster is three servers on this machine, which keep everything three times.
type cluster struct {
	members [3]member
	running [3]*process
}

func newCluster(folder string) *cluster {
	GinkgoHelper()
	c := &cluster{}
	var rings []int
	for i := range c.members {
		c.members[i] = member{Name: "n" + strconv.Itoa(i+1), Port: freePort(), Ring: freePort(), Folder: filepath.Join(folder, "n"+strconv.Itoa(i+1))}
		rings = append(rings, c.members[i].Ring)
	}
	for i := range c.members {
		c.members[i].Rings = rings
		c.start(i)
	}
	for _, p := range c.running {
		p.address()
	}
	return c
}

func (c *cluster) start(i int) {
	GinkgoHelper()
	text, err := json.Marshal(c.members[i])
	Expect(err).NotTo(HaveOccurred())
	self, err := os.Executable()
	Expect(err).NotTo(HaveOccurred())
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), natsOf+"="+string(text))
	c.running[i] = launch("nats-server "+c.members[i].Name, cmd)
}

// url names all servers.
func (c *cluster) url() string {
	var all []string
	for _, m := range c.members {
		all = append(all, fmt.Sprintf("nats://127.0.0.1:%d", m.Port))
	}
	return strings.Join(all, ",")
}

// replicas tells how often the servers keep each stream.
func (c *cluster) replicas() map[string]int {
	GinkgoHelper()
	connection, err := nats.Connect(c.url())
	Expect(err).NotTo(HaveOccurred())
	defer connection.Close()
	js, err := jetstream.New(connection)
	Expect(err).NotTo(HaveOccurred())
	all := map[string]int{}
	streams := js.ListStreams(context.Background())
	for info := range streams.Info() {
		all[info.Config.Name] = info.Config.Replicas
	}
	Expect(streams.Err()).NotTo(HaveOccurred())
	Expect(all).To(HaveKey("celmap-events"))
	Expect(all).To(HaveKey("celmap-dead"))
	return all
}

func freePort() int {
	GinkgoHelper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
