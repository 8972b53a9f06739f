package source

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Suggest returns the candidate that someone who wrote word most likely meant,
// "" if none is near. The same word spelt otherwise (firstName, First-Name,
// first_name) is nearest, then one slip of the fingers, then another word for
// the same (mail, email), then more slips. Of equally near ones the first wins.
func Suggest(word string, candidates []string) string {
	best, bestRank := "", far
	for _, c := range candidates {
		if c == word || c == "" {
			continue
		}
		if rank := rankOf(word, c); rank < bestRank {
			best, bestRank = c, rank
		}
	}
	return best
}

// Ranks of candidates, nearest first.
const (
	sameWord    = 1
	oneSlip     = 2
	otherWord   = 3
	moreSlips   = 4
	far         = 100
	longestList = 12 // names that Choices lists
	fewNames    = 6  // of a longer list
)

func rankOf(word, candidate string) int {
	if sameSpelling(word) == sameSpelling(candidate) {
		return sameWord
	}
	slips := distance(strings.ToLower(word), strings.ToLower(candidate))
	within := 2*slips+1 <= suggestWithin(word)
	switch {
	case slips == 1 && within:
		return oneSlip
	case sameMeaning(word, candidate):
		return otherWord
	case within:
		return moreSlips + slips
	}
	return far
}

// Choices says which names there are, for someone who wrote word: the one that
// was most likely meant, else all of a few, or some of many.
func Choices(word string, known []string) string {
	if near := Suggest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	known = slices.DeleteFunc(slices.Clone(known), func(s string) bool { return s == "" })
	switch n := len(known); {
	case n == 0:
		return "there is none"
	case n <= longestList:
		return "there are " + strings.Join(known, ", ")
	}
	some := slices.Clone(known)
	slices.SortStableFunc(some, func(a, b string) int { return likeness(word, b) - likeness(word, a) })
	return fmt.Sprintf("there are %d, such as %s", len(known), strings.Join(some[:fewNames], ", "))
}

// likeness counts the letters with which two words begin alike.
func likeness(a, b string) int {
	x, y := sameSpelling(a), sameSpelling(b)
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n
}

// sameSpelling is a word without what is only a way of spelling: case, _, - and blanks.
func sameSpelling(word string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, word)
}

// meanings are groups of words that name the same in the vocabularies of many
// tools. A word may be in several groups.
var meanings = index(
	// people and companies
	"email mail emailaddress mailaddress",
	"firstname givenname forename fname first given",
	"lastname surname familyname lname last family secondname",
	"name fullname displayname",
	"phone phonenumber telephone tel mobile mobilephone cell cellphone phoneno",
	"company organization organisation org account employer companyname business firm",
	"website url uri homepage web site link domain href",
	"birthday birthdate dateofbirth dob born",
	"gender sex salutation",
	"jobtitle title position role job occupation",
	"username login nickname handle user",
	"avatar picture photo image icon",
	"language locale lang",
	"status state stage",
	"industry sector branch",
	// places
	"zip zipcode postalcode postcode plz postal",
	"city town locality",
	"state region province county",
	"country countrycode countryname nation",
	"street address streetaddress addressline1 address1 address line1",
	"latitude lat", "longitude lng lon long",
	// things and money
	"id identifier key uid guid", "userid customerid contactid personid id",
	"price amount cost value", "revenue total amount value turnover sum", "quantity qty count amount number",
	"currency currencycode", "products items lines lineitems orderlines", "sku productid articlenumber item",
	"description desc summary text body", "type kind category class", "tags labels keywords",
	"name title label", "plan tier subscription package", "employees employeecount numberofemployees headcount size companysize",
	// time
	"timestamp time date datetime occurredat sentat senttime", "created createdat creationdate createdate signupdate createdon",
	"updated updatedat modified modifiedat lastmodified lastmodifieddate changed",
	// tools
	"token apikey accesstoken secret key authtoken apitoken bearer", "when if condition unless filter where",
	"message text reason error", "doc description comment note help docs", "method verb", "envelope body payload data",
	"params query parameters querystring search", "headers header", "let vars variables define values", "set fields properties mapping map attributes assign",
	"needs require required requires", "send output outputs actions do", "reject error fail deny", "filter skip drop ignore exclude",
	"from source path", "default fallback otherwise else", "each foreach for loop items", "under within root base in", "rest others remaining else", "args arguments parameters params",
	"max limit maximum maxitems batchsize size", "host server endpoint domain", "url endpoint path uri", "answer response result", "answers responses", "because reason message why", "after delay wait backoff",
	"routes routing router rules", "to target destination mapping goto", "lookup find search query", "requests endpoints calls", "functions macros helpers", "types conversions converters casts",
	"gives returns result", "matches match where", "keep only filter where allow", "warn warning", "ttl cache expires maxage", "by on key", "rows entries values", "absent missing default",
	"merge combine", "replace overwrite override", "identify user contact person", "track event", "group company account",
)

func index(groups ...string) map[string][]int {
	out := map[string][]int{}
	for i, g := range groups {
		for word := range strings.FieldsSeq(g) {
			out[word] = append(out[word], i)
		}
	}
	return out
}

func sameMeaning(a, b string) bool {
	of := meanings[sameSpelling(b)]
	return slices.ContainsFunc(meanings[sameSpelling(a)], func(g int) bool { return slices.Contains(of, g) })
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
