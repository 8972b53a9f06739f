package rudderserver

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// rule is what rudder-server, or a router that has to lose nothing, relies on.
// Each has a deliberately wrong answer among the tests.
type rule string

// Rules of every answer.
const (
	answered     rule = "a call is answered in HTTP"
	neverMissing rule = "404 is never answered: it drops every job for good"
	apiVersion   rule = "a 200 has the header apiVersion: 2, or the whole rudder-server panics"
	readable     rule = "an answer is JSON in UTF-8, of the form that the call has"
)

// Rules of the transformations of router and processor.
const (
	exactlyOnce    rule = "each job is in exactly one element"
	noneMissing    rule = "no job is left out"
	noneUnknown    rule = "no job is answered that was not asked"
	numericJob     rule = "jobId is an integer"
	someMetadata   rule = "an element has the metadata of its jobs"
	metadataEcho   rule = "metadata comes back byte for byte"
	destination    rule = "an element has the destination of its jobs, byte for byte"
	connection     rule = "a connection, where one comes back, is that of the jobs"
	batchedFlag    rule = "batched is true or false"
	integerStatus  rule = "statusCode is an integer"
	allowedStatus  rule = "statusCode is 200, 298, 299, 4xx or 500 to 598: others are retried without end or drop jobs unseen"
	textError      rule = "error is text"
	reason         rule = "what is not to be delivered says why"
	tags           rule = "statTags are text by text"
	authCategory   rule = "authErrorCategory is empty, REFRESH_TOKEN or AUTH_STATUS_INACTIVE"
	requestPresent rule = "what is to be delivered has its request: an object or a list with at least one"
	order          rule = "no event is sent before an earlier one of its user"
	alone          rule = "a job with dontBatch shares its requests with no other"
	progress       rule = "a job is not retried without end"
)

// Rules of a descriptor, the request that the router makes.
const (
	typeREST     rule = "type is REST: of any other nothing is sent, and the job succeeds"
	noFiles      rule = "files is empty: with files nothing is sent, and the job succeeds"
	methodText   rule = "method is a method of HTTP, in capitals"
	absoluteURL  rule = "endpoint is an absolute http or https address"
	textField    rule = "userId, endpointPath and version are text"
	textHeaders  rule = "headers are text by text: a number makes the descriptor unreadable (599)"
	textParams   rule = "params are text by text: the router prints other values its own way (1e+06)"
	bodyObjects  rule = "each format of body is an object, or the job is a 500"
	oneFormat    rule = "one format of body is filled at most: of two the router takes one at random"
	knownFormat  rule = "a format of body is JSON, JSON_ARRAY, XML, GZIP or FORM"
	arrayBatch   rule = "JSON_ARRAY.batch is text that holds JSON, or the job is a 400"
	textPayload  rule = "payload of XML and GZIP is text"
	textForm     rule = "values of FORM are text: the router prints others Go's way"
	nothingTwice rule = "no key stands twice in an object"
)

// Rules of the list of features.
const (
	featuresStatus rule = "features are answered with 200: 404 sets rudder-server's defaults, others keep the previous set"
	upperTypes     rule = "routerTransform has types in capitals, each true or false"
	ownType        rule = "routerTransform has the type true, or its events go to the processor's form"
	regulations    rule = "regulations is a list of text"
	booleanFeature rule = "a feature is true or false"
	sourceVersion  rule = "supportSourceTransformV1 or upgradedToSourceTransformV2 is true, or rudder-server panics"
)

// Rules of the delivery proxy and of the processor's form.
const (
	proxyOutput    rule = "output is an object with an integer status and a text message"
	proxyResponse  rule = "output.response is a list with a result for each job"
	resultMetadata rule = "a result has the metadata of its job as it was sent, dontBatch aside"
	proxyAlone     rule = "dontBatch is set on what is retried with 5xx only"
	proxyStatus    rule = "the HTTP status of proxy v0 is the status of every job"
	destResponse   rule = "proxy v0 tells the destination's answer"
	processorList  rule = "the processor is answered with a list"
	processorOut   rule = "output is a descriptor where statusCode is 200"
	processorEvent rule = "each event of the processor is answered"
)

// Violation is one break of a rule by an answer.
type Violation struct {
	Rule  string
	Job   int64  // 0 where it is not about one job
	Place string // in the answer: output[2].statusCode; empty for the answer as a whole
	Value string // what was found, shortened
	Want  string // where there is one right value, or few
}

func (v *Violation) Error() string {
	var b strings.Builder
	b.WriteString(v.Rule)
	b.WriteByte(':')
	if v.Job != 0 {
		fmt.Fprintf(&b, " job %d", v.Job)
	}
	if v.Job != 0 && v.Place != "" {
		b.WriteByte(',')
	}
	if v.Place != "" {
		fmt.Fprintf(&b, " %s", v.Place)
	}
	fmt.Fprintf(&b, " is %s", v.Value)
	if v.Want != "" {
		fmt.Fprintf(&b, " instead of %s", v.Want)
	}
	return b.String()
}

// Violations lists the breaks in an error of a check, which may hold several.
func Violations(err error) []*Violation {
	var v *Violation
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Violation
		for _, e := range joined.Unwrap() {
			all = append(all, Violations(e)...)
		}
		return all
	}
	if errors.As(err, &v) {
		return []*Violation{v}
	}
	return nil
}

// checks collects the violations of one answer.
type checks struct{ found []error }

func (c *checks) violated(r rule, job int64, place, value, want string) {
	c.found = append(c.found, &Violation{Rule: string(r), Job: job, Place: place, Value: shown(value), Want: shown(want)})
}

func (c *checks) err() error { return errors.Join(c.found...) }

// shown shortens a value for a message: an answer may have megabytes.
func shown(value string) string {
	const most = 400
	if len(value) <= most {
		return value
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes)", value[:cut], len(value))
}
