package access

import "net/http"

// Admit decides on a request: by its key and where it comes from, and without a key by the name that it asked for. The
// request that it returns shows no key any more.
func (r *Rules) Admit(ring *Ring, req *http.Request, need Scope) (Credential, *http.Request, *Refusal) {
	token, shown, req := TakeToken(req)
	c, refusal := r.Decide(ring, Ask{Client: r.ClientOf(req), Need: need, Token: token, Shown: shown})
	if refusal == nil {
		refusal = r.CheckHost(c, req.Host)
	}
	return c, req, refusal
}

// Services are the rules of a process whose only users are other services, and those on its machine.
func Services(internalKey string) *Rules { return &Rules{internal: internalKey} }

// ForServices lets other services in, by the internal key, and this machine: debug endpoints of a process that has no
// users. A wrong key is refused even from here.
func (r *Rules) ForServices(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		token, shown, req := TakeToken(req)
		client := r.ClientOf(req)
		if shown && !r.Internal(token) || !shown && !client.Loopback {
			ServicesOnly.Write(w)
			return
		}
		c := Credential{Scopes: Read | Admin, Internal: shown, Client: client}
		if refusal := r.CheckHost(c, req.Host); refusal != nil {
			refusal.Write(w)
			return
		}
		h(w, req.WithContext(With(req.Context(), c)))
	}
}
