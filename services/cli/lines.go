package cli

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"millrace.dev/pkg/event"
)

// longestLine is the most bytes of a line that are sent, and longestEvent of the event made of it: what fits, between
// the brackets of an array, into a frame that a gateway takes by default.
const (
	longestLine  = 1 << 20
	longestEvent = 1<<20 - len("[]")
)

// errLong: the line has more bytes than an event may have.
var errLong = fmt.Errorf("longer than %d bytes", longestLine)

// lineReader reads lines of any length and keeps the bounded ones.
type lineReader struct {
	r *bufio.Reader
	n int // lines read
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line without its end, and io.EOF after the last. A line that is too long is read past and
// returned as errLong.
func (l *lineReader) next() ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > longestLine {
			long, line = true, nil
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (err != io.EOF || len(line) == 0 && !long):
			return nil, err
		}
		l.n++
		if long {
			return nil, errLong
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
	}
}

// encoder makes an event of a line, or says why it is none.
type encoder func(dst, line []byte) ([]byte, error)

// asData makes each line the data of an event of that type: a string, or bytes where the line is not UTF-8.
func asData(eventType string) encoder {
	quoted, _ := jsontext.AppendQuote(nil, eventType)
	return func(dst, line []byte) ([]byte, error) {
		dst = append(append(dst, `{"type":`...), quoted...)
		if utf8.Valid(line) {
			dst, _ = jsontext.AppendQuote(append(dst, `,"data":`...), line)
			return append(dst, '}'), nil
		}
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"data_base64":"`...), line)
		return append(dst, `"}`...), nil
	}
}

// asEvent takes each line for an event. What would spoil its neighbours in a frame is refused here: what a gateway
// can't decode, since it refuses the frame whole; and a heartbeat, since it has no number there, and all after it would
// be taken for others. That an event is not valid is the gateway's to say.
func asEvent() encoder {
	var f event.Frame
	return func(dst, line []byte) ([]byte, error) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] != '{' {
			return dst, errors.New("not a JSON object; with --type any line is sent as data")
		}
		if err := f.DecodeJSON(line, event.DefaultLimits()); err != nil {
			return dst, err
		}
		if f.Events[0].Control != event.None {
			return dst, errors.New("ping and pong without data are heartbeats, not events")
		}
		return append(dst, line...), nil
	}
}
