package faults

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// redisOf2016 is a server that says it is Redis 3.2: no such program can be installed any more.
func redisOf2016(t testing.TB) Start {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			wg.Go(func() { answerAsOf2016(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return gateway("redis://" + l.Addr().String())
}

// answerAsOf2016 answers INFO, and refuses everything else, until the client goes.
func answerAsOf2016(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		answer := ""
		switch word := strings.ToUpper(lines.Text()); {
		case word == "INFO":
			info := "# Server\r\nredis_version:3.2.0\r\n"
			answer = fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)
		case len(word) > 2 && word[0] >= 'A' && word[0] <= 'Z' && word != "SERVER":
			answer = "-ERR unknown command\r\n"
		}
		if _, err := c.Write([]byte(answer)); err != nil {
			return
		}
	}
}
