package rudderserver

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestRudderServer(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "rudder-server")
}
