//go:build linux && race

package acceptance

// race tells that the tests run under the race detector, so that the server has
// to run under it, too.
const race = true
