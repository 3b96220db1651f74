package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"millrace.dev/pkg/client"
)

// Order is what a shop tells.
type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

// Send returns when the events are durable, or says which are refused.
func ExampleClient_Send() {
	gateway := httptest.NewServer(http.HandlerFunc(acknowledge)) // in its place: ws://127.0.0.1:8000/ws
	defer gateway.Close()
	ctx := context.Background()

	c, err := client.Open(client.Config{URL: gateway.URL + "/ws"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)

	err = c.Send(ctx, client.Event{Type: "order.placed", Source: "/shop", PartitionKey: "customer-7", Data: Order{"tea", 2}})
	fmt.Println("the first:", err)

	err = c.Send(ctx, client.Event{Type: "order.placed", Data: Order{"cup", 1}}, client.Event{Data: "an event without a type"})
	if refused, ok := errors.AsType[*client.Refusal](err); ok {
		fmt.Printf("index %d: %s: %s\n", refused.Index, refused.Code, refused.Message)
	}
	// Output:
	// the first: <nil>
	// index 1: invalid_event: attribute "type" is missing
}

// Publish does not wait: what became of an event is told to its callback, and Close waits for all.
func ExampleClient_Publish() {
	gateway := httptest.NewServer(http.HandlerFunc(acknowledge))
	defer gateway.Close()
	ctx := context.Background()

	c, err := client.Open(client.Config{URL: gateway.URL + "/ws"})
	if err != nil {
		log.Fatal(err)
	}
	var durable atomic.Int64
	for n := range 10_000 {
		e := client.Event{Type: "sensor.reading", Subject: fmt.Sprint("sensor-", n%10), Data: n}
		err := c.Publish(ctx, e, func(err error) { // waits while too much is under way
			if err != nil {
				log.Print("not stored: ", err)
				return
			}
			durable.Add(1)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := c.Close(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(durable.Load(), "events are durable")
	// Output:
	// 10000 events are durable
}

// An outage needs no code: what is not acknowledged is kept, and sent again when there is a gateway.
func ExampleClient_outage() {
	var connections atomic.Int64
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if connections.Add(1) <= 3 {
			http.Error(w, "no gateway is there", http.StatusServiceUnavailable)
			return
		}
		acknowledge(w, r)
	}))
	defer gateway.Close()
	ctx := context.Background()

	c, err := client.Open(client.Config{
		URL: gateway.URL + "/ws", RetryLeast: time.Millisecond, RetryMost: 10 * time.Millisecond, // defaults: 1 s, 30 s
		Lost: func(l client.Loss) { fmt.Println(l) }, // Redis has lost what it had stored: events may be there twice
		Log:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	fmt.Println(c.Send(ctx, client.Event{Type: "order.placed", Data: Order{"tea", 2}}))
	fmt.Println(connections.Load(), "attempts,", c.State().Connections, "connection")
	// Output:
	// <nil>
	// 4 attempts, 1 connection
}

// acknowledge is a gateway that stores nothing.
func acknowledge(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	say := func(format string, args ...any) {
		_ = ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...))
	}
	say(`{"type":"hello","next":1,"durability":"fsynced","incarnation":"1","heartbeat_ms":30000}`)
	for n := 0; ; {
		_, b, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		if b[0] != '[' {
			b = []byte("[" + string(b) + "]")
		}
		var events []json.RawMessage
		_ = json.Unmarshal(b, &events)
		for _, e := range events {
			if n++; !strings.Contains(string(e), `"type"`) {
				say(`{"type":"error","seq":%d,"code":"invalid_event","message":"attribute \"type\" is missing"}`, n)
			}
		}
		say(`{"type":"ack","seq":%d}`, n)
	}
}
