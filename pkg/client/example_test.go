package client_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"

	"millrace.dev/pkg/client"
)

// Events are published as JSON, and are safe once Flush returns.
func Example() {
	gateway := httptest.NewServer(http.HandlerFunc(acknowledge)) // in its place: ws://127.0.0.1:8000/ws
	defer gateway.Close()

	c, err := client.New(client.Config{URL: gateway.URL + "/ws"})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()

	for n := range 3 {
		if err := c.Publish(ctx, fmt.Appendf(nil, `{"type":"order.placed","data":{"n":%d}}`, n), 1); err != nil {
			log.Fatal(err)
		}
	}
	if err := c.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	published, acked := c.Totals()
	fmt.Printf("%d of %d events are %s\n", acked, published, c.State().Durability)

	stop()
	fmt.Println("ended with", <-ended)
	// Output:
	// 3 of 3 events are fsynced
	// ended with <nil>
}

// acknowledge is a gateway that stores nothing.
func acknowledge(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	say := func(format string, args ...any) {
		_ = ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...))
	}
	say(`{"type":"hello","next":1,"durability":"fsynced","incarnation":"1","heartbeat_ms":30000}`)
	for n := 1; ; n++ {
		if _, _, err := ws.Read(context.Background()); err != nil {
			return
		}
		say(`{"type":"ack","seq":%d}`, n)
	}
}
