// The build's own tools. Each has a module file beside this one (buf.mod, lint.mod, protoc.mod), so that none
// of their requirements reaches the product or another tool; this file only marks the folder as a module root.
module millrace.dev/tools

go 1.26
