package client

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// told is an error as it may be told. It unwraps to what the caller has to know of it, never to its cause: net/http
// quotes the URL, a gateway or a proxy may quote anything, and there are secrets in both.
type told struct {
	text string
	kind error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.kind }

// tell makes an error one that may be told.
func (c *Client) tell(err error, session string) error {
	if err == nil {
		return nil
	}
	var kind error
	l, wished := errors.AsType[*later](err)
	switch {
	case errors.Is(err, ErrRefused):
		kind = ErrRefused
	case wished:
		kind = &later{errors.New("later"), l.after, l.instead}
	}
	text := err.Error()
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		text = "connecting: " + wrong.Err.Error()
	}
	return &told{clip(c.config.hide(text, session), longestText), kind}
}

// hide replaces what is secret in a text.
func (c Config) hide(text, session string) string {
	secrets := []string{session, c.Key}
	if u, err := url.Parse(c.URL); err == nil {
		password, _ := u.User.Password()
		secrets = append(secrets, password)
		for _, values := range u.Query() {
			secrets = append(secrets, values...)
		}
	}
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			text = withoutEnd(strings.ReplaceAll(text, s, "…"), s)
		}
	}
	return text
}

// withoutEnd takes the beginning of a secret off the end of a text that may have been cut there.
func withoutEnd(text, secret string) string {
	for n := len(secret) - 1; n >= shortestSecret; n-- {
		if strings.HasSuffix(text, secret[:n]) {
			return text[:len(text)-n] + "…"
		}
	}
	return text
}

const (
	// shortestSecret is the least of characters that anybody would take for a secret; fewer occur by chance.
	shortestSecret = 4
	// longestText is the most bytes that are kept of what a gateway says.
	longestText = 500
)

// clip is the text on one line, without what a terminal would act on, and not too long.
func clip(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}
