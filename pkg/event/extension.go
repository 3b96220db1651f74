package event

import (
	"bytes"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// extension is an extension attribute of a Span.
type extension struct {
	name    []byte
	kind    Kind
	text    []byte // of Text
	integer int32  // of Integer; of Boolean 0 or 1
}

// absent is the kind of an extension whose value was null.
const absent Kind = 255

// setExtension applies an extension attribute; those of s begin at mark.
func (f *Frame) setExtension(s *Span, mark int, name, value []byte) {
	if s.Refused != nil {
		return // so a thousand faults cost no more than one
	}
	fault := nameFault(name)
	if fault == "" && len(f.extensions)-mark == MaxExtensions {
		fault = fmt.Sprintf("is one extension too many: at most %d are taken", MaxExtensions)
	}
	if fault == "" && occurs(f.extensions[mark:], name) {
		fault = "occurs twice"
	}
	if fault != "" {
		s.fail(name, fault)
		return
	}
	x, fault := f.extension(value)
	if fault != "" {
		s.fail(name, fault)
	}
	x.name = name
	f.extensions = append(f.extensions, x)
}

// nameFault checks the name of an extension. CloudEvents 1.0, 3.1.
func nameFault(name []byte) string {
	if len(name) == 0 || len(name) > MaxExtensionName {
		return fmt.Sprintf("has a name of %d bytes; 1 to %d are taken", len(name), MaxExtensionName)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "has a name with other characters than a-z and 0-9"
		}
	}
	return ""
}

func occurs(xs []extension, name []byte) bool {
	for i := range xs {
		if bytes.Equal(xs[i].name, name) {
			return true
		}
	}
	return false
}

// extension reads the value of an extension attribute. CloudEvents JSON format 1.0, 2.2. null takes a place, too,
// so that a second one of its name is found.
func (f *Frame) extension(value []byte) (x extension, fault string) {
	switch value[0] {
	case '"':
		x.kind = Text
		x.text, fault = f.text(value)
	case 't', 'f':
		x.kind = Boolean
		if value[0] == 't' {
			x.integer = 1
		}
	case 'n':
		x.kind = absent
	case '[', '{':
		fault = "must be a string, a boolean or an integer"
	default:
		n, err := strconv.ParseInt(string(value), 10, 32)
		if err != nil {
			fault = "must be an integer of 32 bits, without fraction or exponent, if it is a number"
		}
		x.kind, x.integer = Integer, int32(n)
	}
	return x, fault
}

// size is the length of the attribute's own encoding.
func (x *extension) size() int {
	n := 2 + protowire.SizeBytes(len(x.name)) // two tags, one byte each
	if x.kind == Text {
		return n + protowire.SizeBytes(len(x.text))
	}
	return n + protowire.SizeVarint(uint64(int64(x.integer)))
}

func (x *extension) append(dst []byte) []byte {
	if x.kind == absent {
		return dst
	}
	dst = protowire.AppendTag(dst, eventExtensions, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(x.size()))
	dst = appendBytes(dst, attributeName, x.name)
	switch x.kind {
	case Text:
		dst = protowire.AppendTag(dst, attributeText, protowire.BytesType)
		return protowire.AppendBytes(dst, x.text)
	case Boolean:
		dst = protowire.AppendTag(dst, attributeBoolean, protowire.VarintType)
	default:
		dst = protowire.AppendTag(dst, attributeInteger, protowire.VarintType)
	}
	return protowire.AppendVarint(dst, uint64(int64(x.integer))) // int32 is sign-extended on the wire
}
