package serve

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("HTTP as few speak it", func() {
	const body = `{"input":[{"message":{"type":"track","properties":{"text":"a"}},"metadata":{"jobId":1},"destination":{"ID":"d","Config":{}}}],"destType":"notes"}`
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))

	// talk sends text over one connection, and returns the answers to so many requests.
	talk := func(r *running, text string, methods ...string) (answers []reply) {
		GinkgoHelper()
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		Expect(err).NotTo(HaveOccurred())
		defer c.Close()
		_, err = io.WriteString(c, text)
		Expect(err).NotTo(HaveOccurred())
		in := bufio.NewReader(c)
		for _, method := range methods {
			answer, err := http.ReadResponse(in, &http.Request{Method: method})
			Expect(err).NotTo(HaveOccurred())
			data, err := io.ReadAll(answer.Body)
			Expect(err).NotTo(HaveOccurred())
			answers = append(answers, reply{answer.StatusCode, answer.Header, string(data)})
		}
		return answers
	}

	It("is answered: HTTP/1.0, chunks with trailers, one request behind the other", func() {
		r := start()
		head := "POST /routerTransform HTTP/1.1\r\nHost: x\r\n"
		for _, got := range talk(r, head+length+"\r\n"+body+head+"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
			fmt.Sprintf("40\r\n%s\r\n%x\r\n%s\r\n0\r\n", body[:64], len(body)-64, body[64:])+"X-Sum: 1\r\n\r\n"+
			head+length+"\r\n"+body, "POST", "POST", "POST") {
			Expect(got.status).To(Equal(200))
			Expect(got.body).To(ContainSubstring(`"statusCode":200`))
		}
		old := talk(r, "POST /routerTransform HTTP/1.0\r\n"+length+"\r\n"+body, "POST")[0]
		Expect(old.status).To(Equal(200))
	})
	It("is refused so that it is tried again: packed bodies, methods of no use", func() {
		r := start()
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = io.WriteString(w, body)
		Expect(w.Close()).To(Succeed())
		Expect(r.do(http.MethodPost, "/routerTransform", packed.String(), "Content-Encoding", "gzip").status).To(Equal(400))
		Expect(r.do(http.MethodOptions, "/routerTransform", "").status).To(Equal(503))
		Expect(r.do(http.MethodPut, "/routerTransform", body).status).To(Equal(503))
		head := r.do(http.MethodHead, "/features", "")
		Expect(head.status).To(Equal(200))
		Expect(head.body).To(BeEmpty())
	})
})
