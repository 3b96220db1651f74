package access

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestRevokingEndsWhatTheKeyOpened(t *testing.T) {
	shop, _ := mint(t, "shop", All)
	other, _ := mint(t, "other", All)
	var k Keys
	if k.Ring() != nil {
		t.Error("something is known of the start")
	}
	k.Set(NewRing([]Key{shop, other}))
	cause := func(c Credential) (func() error, func()) {
		ctx, end := k.While(t.Context(), c)
		if From(ctx) != c {
			t.Error("the credential does not come along")
		}
		return func() error { return context.Cause(ctx) }, end
	}
	ofShop, endShop := cause(Credential{ID: shop.ID})
	again, endAgain := cause(Credential{ID: shop.ID})
	ofOther, endOther := cause(Credential{ID: other.ID})
	ofNobody, endNobody := cause(Credential{})
	endAgain()
	k.Set(NewRing([]Key{other}))
	if !errors.Is(ofShop(), ErrRevoked) || ofOther() != nil || ofNobody() != nil || errors.Is(again(), ErrRevoked) {
		t.Errorf("causes are %v, %v, %v, %v", ofShop(), ofOther(), ofNobody(), again())
	}
	late, endLate := cause(Credential{ID: shop.ID})
	if !errors.Is(late(), ErrRevoked) {
		t.Error("who came with a key that is revoked by now stays")
	}
	for _, end := range []func(){endShop, endOther, endNobody, endLate, endShop} {
		end()
	}
	if len(k.leave) != 0 {
		t.Errorf("%d keys are still watched", len(k.leave))
	}
}

func TestKeysChangeWhileTheyAreAsked(t *testing.T) {
	shop, token := mint(t, "shop", All)
	var k Keys
	k.Set(NewRing([]Key{shop}))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				_, end := k.While(t.Context(), Credential{ID: shop.ID})
				k.Ring().Find(token)
				end()
			}
		})
	}
	for i := range 500 {
		k.Set(NewRing([]Key{shop}[:i%2]))
	}
	wg.Wait()
	if len(k.leave) != 0 {
		t.Errorf("%d keys are still watched", len(k.leave))
	}
}
