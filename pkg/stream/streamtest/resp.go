package streamtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// readValue reads one whole value of RESP2, a request or a reply, and appends its bytes to dst.
func readValue(r *bufio.Reader, dst []byte) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return dst, err
	}
	dst = append(dst, line...)
	switch line[0] {
	case '+', '-', ':':
		return dst, nil
	case '$':
		return readBulk(r, dst, line)
	case '*':
		return readArray(r, dst, line)
	}
	return dst, fmt.Errorf("no RESP2: %.40q", line)
}

func readBulk(r *bufio.Reader, dst, line []byte) ([]byte, error) {
	n, err := size(line)
	if err != nil || n < 0 {
		return dst, err
	}
	begin := len(dst)
	dst = append(dst, make([]byte, n+2)...)
	_, err = io.ReadFull(r, dst[begin:])
	return dst, err
}

func readArray(r *bufio.Reader, dst, line []byte) ([]byte, error) {
	n, err := size(line)
	for range n {
		if err != nil {
			return dst, err
		}
		dst, err = readValue(r, dst)
	}
	return dst, err
}

// size is the number in a head like "$12\r\n"; -1 stands for nil.
func size(line []byte) (int, error) {
	return strconv.Atoi(string(bytes.TrimSpace(line[1:])))
}

// commandOf is a request's first word, in capitals: "*2\r\n$4\r\nping\r\n…" is PING.
func commandOf(request []byte) string {
	parts := bytes.SplitN(request, []byte("\r\n"), 4)
	if len(parts) < 3 {
		return ""
	}
	return strings.ToUpper(string(parts[2]))
}
