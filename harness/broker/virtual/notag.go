//go:build !synctests

package virtual

// tagged says whether the clients in this binary can wait in a bubble.
const tagged = false
