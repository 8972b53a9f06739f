package outbound_test

import (
	"bytes"
	"fmt"
	"log/slog"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/celmap/celmap/internal/outbound"
)

var _ = DescribeTable("What Go's packages say of connections is logged without what came over them", func(said, logged string) {
	var log bytes.Buffer
	_, err := fmt.Fprintln(outbound.Remarks(slog.New(slog.NewTextHandler(&log, nil))), said)
	Expect(err).NotTo(HaveOccurred())
	Expect(log.String()).To(ContainSubstring(`msg="trouble with a connection" error="` + logged + `"`))
	Expect(log.String()).NotTo(ContainSubstring(person))
},
	Entry("nothing came", "http: Accept error: too many open files", "http: Accept error: too many open files"),
	Entry("more than was announced", fmt.Sprintf("Unsolicited response starting with %q; err=<nil>", `{"email":"`+person+`"}\`), "Unsolicited response starting with (not shown); err=<nil>"),
	Entry("more that is cut off", `starting with "`+person, "starting with (not shown)"),
)
