package virtual

import (
	"testing"
	"testing/synctest"
	"time"
)

// A client may ask without a pause until something happens that takes time.
func TestSpinThatEndsByItselfIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newConnPair("127.0.0.1:9092", &Guard{OnSpin: func(s Spin) { t.Error(s) }})
		go func() {
			b := make([]byte, 64)
			for {
				if _, err := server.Read(b); err != nil {
					return
				}
			}
		}()
		defer client.Close()
		for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
			if _, err := client.Write([]byte("once more")); err != nil {
				t.Fatal(err)
			}
		}
	})
}
