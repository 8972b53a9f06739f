package source

import "strings"

// Suggest returns the candidate that someone who wrote word most likely meant,
// "" if none is near. Differences in case weigh less than others; of equally
// near candidates the first wins.
func Suggest(word string, candidates []string) string {
	best, bestDistance := "", suggestWithin(word)+1
	for _, c := range candidates {
		if c == word || c == "" {
			continue
		}
		if d := 2*distance(strings.ToLower(word), strings.ToLower(c)) + 1; d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// suggestWithin is the greatest distance (doubled, plus one) at which a word is
// still near: one slip in a short word, two in a longer one, three in a long one.
func suggestWithin(word string) int {
	switch n := len([]rune(word)); {
	case n < 3:
		return 1
	case n < 6:
		return 3
	case n < 12:
		return 5
	}
	return 7
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours between two words (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	before, above, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range above {
		above[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(y)]
}
