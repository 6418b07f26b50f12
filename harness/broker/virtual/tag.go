//go:build synctests

package virtual

// tagged says that the clients in this binary can wait in a bubble.
const tagged = true
