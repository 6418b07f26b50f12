package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal: what a program prints to its device is read here.
type terminal struct {
	device *os.File // for the program
	screen *os.File // what a person would see
}

// openTerminal opens a pseudo-terminal of this size, see pty(7).
func openTerminal(t *testing.T, columns, rows uint16) *terminal {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { screen.Close() })
	number, err := unix.IoctlGetUint32(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal("number of the pseudo-terminal: ", err)
	}
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal("unlock the pseudo-terminal: ", err)
	}
	device, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	if err := unix.IoctlSetWinsize(int(device.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal("size of the pseudo-terminal: ", err)
	}
	return &terminal{device: device, screen: screen}
}

// readAll reads until the last program has closed the device.
func (p *terminal) readAll() (string, error) {
	p.device.Close()
	seen, err := io.ReadAll(p.screen)
	if errors.Is(err, unix.EIO) { // Linux says so in place of an end of file
		err = nil
	}
	return string(seen), err
}
