package gateway

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// keyBytes is how long a handshake's key is, decoded (RFC 6455, 4.1).
const keyBytes = 16

// isHandshake says whether a request is a WebSocket's handshake (RFC 6455, 4.2.1), and answers one that is not. It comes
// before anything that a handshake costs: a place, a new session, a look into Redis.
func isHandshake(w http.ResponseWriter, r *http.Request) bool {
	keys := r.Header.Values("Sec-Websocket-Key")
	switch {
	case !r.ProtoAtLeast(1, 1), !names(r.Header, "Connection", "upgrade"), !names(r.Header, "Upgrade", "websocket"):
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a WebSocket: its handshake is an upgrade to websocket", http.StatusUpgradeRequired)
	case r.Method != http.MethodGet:
		http.Error(w, "a WebSocket's handshake is a GET", http.StatusMethodNotAllowed)
	case r.Header.Get("Sec-Websocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "Sec-WebSocket-Version: only 13 is spoken here", http.StatusBadRequest)
	case len(keys) != 1 || !isKey(keys[0]):
		http.Error(w, "Sec-WebSocket-Key: one of 16 bytes in base64 is needed", http.StatusBadRequest)
	default:
		return true
	}
	return false
}

func isKey(text string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	return err == nil && len(key) == keyBytes
}

// names says whether a header that is a list holds a word, in whatever case.
func names(h http.Header, header, word string) bool {
	return slices.ContainsFunc(h.Values(header), func(list string) bool {
		for each := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(each), word) {
				return true
			}
		}
		return false
	})
}
