//go:build linux && !race

package acceptance

const race = false
