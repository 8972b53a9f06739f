package schema

import (
	"slices"
	"strings"
)

// nearest returns the name that a misspelt one was probably meant to be, or "".
func nearest(name string, known []string) string {
	best, least := "", 1+max(1, len(name)/4) // edits that still count as near
	for _, k := range slices.Sorted(slices.Values(known)) {
		if k == name || k == "" || len(k) > len(name)+least || len(name) > len(k)+least {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the bytes to insert, delete, replace or swap to get from a to b.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		two := before
		before, row = row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
