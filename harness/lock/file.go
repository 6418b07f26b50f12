package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openFile opens the lock file and creates it if it does not exist. Every user of the
// machine shares it, and flock needs no write access. So it is opened for reading,
// without O_CREAT, which Linux refuses for another user's file in a sticky folder
// (fs.protected_regular). The file must be a regular one: the open of a FIFO would block.
func openFile(path string) (*os.File, error) {
	const flags = unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(path, os.O_RDONLY|flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL|flags, 0o666)
		switch {
		case errors.Is(err, fs.ErrExist): // another process was faster
			f, err = os.OpenFile(path, os.O_RDONLY|flags, 0)
		case err == nil:
			err = f.Chmod(0o666) // the umask removed the rights of others
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s, which all users of this machine share: %w; remove it, or set TMPDIR to another folder", path, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s is no regular file: remove it, or set TMPDIR to another folder", path)
	}
	return f, nil
}
