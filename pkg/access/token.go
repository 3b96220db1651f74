package access

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	// KeyProtocol begins the subprotocol with which a browser shows a key: it can set no header on a WebSocket.
	KeyProtocol = "millrace.key."
	// TokenParameter is the query parameter for those that can do neither: EventSource.
	TokenParameter = "access_token"

	protocolHeader = "Sec-Websocket-Protocol"
)

// TakeToken returns the key that a request shows, and a request without it: from there on nothing can log it, echo it
// or pass it on. Of several the first counts: the header's, the subprotocol's, the query's.
func TakeToken(r *http.Request) (token string, shown bool, rest *http.Request) {
	rest = r
	take := func(t string, found bool, without *http.Request) {
		if found && !shown {
			token, shown = t, true
		}
		rest = without
	}
	take(takeBearer(rest))
	take(takeProtocol(rest))
	take(takeParameter(rest))
	return token, shown, rest
}

// Bearer reads a key from the value of an Authorization header. Other schemes are a proxy's business.
func Bearer(authorization string) (token string, shown bool) {
	scheme, token, _ := strings.Cut(authorization, " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

func takeBearer(r *http.Request) (string, bool, *http.Request) {
	for _, value := range r.Header.Values("Authorization") {
		if token, shown := Bearer(value); shown {
			r = withHeaders(r)
			r.Header.Del("Authorization")
			return token, true, r
		}
	}
	return "", false, r
}

func takeProtocol(r *http.Request) (token string, shown bool, rest *http.Request) {
	var others []string
	for _, value := range r.Header.Values(protocolHeader) {
		for p := range strings.SplitSeq(value, ",") {
			p = strings.TrimSpace(p)
			if len(p) < len(KeyProtocol) || !strings.EqualFold(p[:len(KeyProtocol)], KeyProtocol) {
				others = append(others, p)
			} else if !shown {
				token, shown = p[len(KeyProtocol):], true
			}
		}
	}
	if !shown {
		return "", false, r
	}
	r = withHeaders(r)
	r.Header.Del(protocolHeader)
	if len(others) > 0 {
		r.Header.Set(protocolHeader, strings.Join(others, ", "))
	}
	return token, true, r
}

// takeParameter leaves the rest of the query as it is.
func takeParameter(r *http.Request) (token string, shown bool, rest *http.Request) {
	if r.URL.RawQuery == "" {
		return "", false, r
	}
	var others []string
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != TokenParameter {
			others = append(others, part)
			continue
		}
		if !shown {
			token, _ = url.QueryUnescape(value)
			shown = true
		}
	}
	if !shown {
		return "", false, r
	}
	rest = r.WithContext(r.Context())
	u := *r.URL
	u.RawQuery = strings.Join(others, "&")
	rest.URL, rest.RequestURI = &u, u.RequestURI()
	return token, true, rest
}

// withHeaders is a copy of a request with headers of its own.
func withHeaders(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.Header = r.Header.Clone()
	return r
}
