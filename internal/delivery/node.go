package delivery

import (
	"net/http"
	"net/url"

	"github.com/celmap/celmap/engine/value"
	"github.com/celmap/celmap/internal/outbound"
)

// Of makes the HTTP request of a descriptor that the engine made, as it is: the
// body has the bytes that `celmap map` prints, keys in their order and numbers with
// all their digits. The error is a *Refusal.
func Of(descriptor *value.Node) (r outbound.Request, err error) {
	if r.Method = descriptor.Get("method").Text(); r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.URL, err = address(descriptor.Get("endpoint").Text(), descriptor.Get("params")); err != nil {
		return outbound.Request{}, err
	}
	headers := descriptor.Get("headers")
	r.Headers = make(map[string]string, headers.Len()+1)
	for h := headers.First(); h != nil; h = h.Next() {
		r.Headers[http.CanonicalHeaderKey(h.Key())] = h.Text()
	}
	content := descriptor.Get("body").First()
	if content == nil {
		return r, nil
	}
	switch content.Key() {
	case "JSON":
		r.Body = value.AppendJSON(nil, content)
	case "JSON_ARRAY":
		r.Body = []byte(content.Get("batch").Text())
	case "XML":
		r.Body = []byte(content.Get("payload").Text())
	case "FORM":
		r.Body = []byte(parameters(content).Encode())
	default:
		return outbound.Request{}, refuse(http.StatusInternalServerError, "the format %q in the body of the request is none of FORM, JSON, JSON_ARRAY and XML", content.Key())
	}
	return r, nil
}

func address(endpoint string, params *value.Node) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", refuse(http.StatusBadRequest, "the endpoint of the request is no http or https URL")
	}
	if params.Len() == 0 {
		return endpoint, nil
	}
	if more := parameters(params).Encode(); u.RawQuery == "" {
		u.RawQuery = more
	} else {
		u.RawQuery += "&" + more
	}
	return u.String(), nil
}

func parameters(object *value.Node) url.Values {
	values := make(url.Values, object.Len())
	for v := object.First(); v != nil; v = v.Next() {
		values.Add(v.Key(), v.Text())
	}
	return values
}
