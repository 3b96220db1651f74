package event

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// unquote returns the text that a JSON string stands for, and whether it is whole: an escaped surrogate that stands
// alone is no character, and what is returned has U+FFFD in its place.
func (f *Frame) unquote(quoted []byte) (text []byte, whole bool) {
	text = quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return text, true
	}
	start := len(f.scratch)
	var err error
	f.scratch, err = jsontext.AppendUnquote(f.scratch, quoted)
	return f.scratch[start:], err == nil
}

// text reads a value that must be a string of CloudEvents (1.0, 3.1.1). The fault completes a sentence that begins
// with the attribute; it is empty if there is none.
func (f *Frame) text(value []byte) (text []byte, fault string) {
	if value[0] != '"' {
		return nil, "must be a string"
	}
	text, whole := f.unquote(value)
	switch {
	case !whole:
		return text, "is not Unicode: a surrogate stands alone"
	case hasControl(text):
		return text, "must not have control characters"
	default:
		return text, ""
	}
}

// hasControl finds U+0000 to U+001F and U+007F to U+009F, the latter as the two bytes that they have in UTF-8.
func hasControl(text []byte) bool {
	for i, c := range text {
		if c < ' ' || c == 0x7f {
			return true
		}
		if c == 0xc2 && i+1 < len(text) && text[i+1] < 0xa0 {
			return true
		}
	}
	return false
}
