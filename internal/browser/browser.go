// Package browser opens pages in Chromium, for tests and benchmarks, and sees what they
// ask the network for.
package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long Chromium may take for all pages of a visit.
const patience = 5 * time.Minute

// Browser serves pages to Chromium.
type Browser struct {
	server *httptest.Server
	driver string
	pages  [][]byte
	posted chan []byte   // posted has what the driver found in the pages.
	done   chan struct{} // done is closed once the driver has posted it.

	mu    sync.Mutex
	asked []string
}

// New starts the server, which ends with the test.
func New(t testing.TB) *Browser {
	t.Helper()
	b := &Browser{}
	b.server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.server.Close)
	return b
}

// URL is the address of the server.
func (b *Browser) URL() string { return b.server.URL }

// Requests are the paths that pages asked for, other than the pages.
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked
}

func (b *Browser) serve(w http.ResponseWriter, r *http.Request) {
	var n int
	_, err := fmt.Sscanf(r.URL.Path, "/page/%d", &n)
	switch {
	case r.URL.Path == "/favicon.ico":
	case r.URL.Path == "/":
		fmt.Fprint(w, b.driver)
	case r.URL.Path == "/results":
		body, _ := io.ReadAll(r.Body)
		b.posted <- body
		close(b.done)
	case r.URL.Path == "/done": // the driver is loaded once this has an answer
		select {
		case <-b.done:
		case <-r.Context().Done():
		}
	case err == nil:
		w.Write(b.pages[n])
	default:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.asked = append(b.asked, r.URL.Path)
	}
}

// Visit opens the pages in frames of one page. In each it runs the body of an async function,
// with the frame's window as w and its document as d. It returns what the functions
// returned, and what the console said. A machine without Chromium skips the test.
func (b *Browser) Visit(t testing.TB, function string, pages ...[]byte) (results, console []string) {
	t.Helper()
	b.pages, b.driver = pages, driverPage(function, len(pages))
	b.posted, b.done = make(chan []byte, 1), make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := Command(ctx, t, "--enable-logging=stderr", "--v=0", "--dump-dom", b.server.URL+"/")
	var log bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &log, 10*time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("chromium had no results after %v:\n%s", patience, log.Bytes())
	}
	if err != nil {
		t.Skipf("chromium does not run here: %v\n%s", err, log.Bytes())
	}
	select {
	case found := <-b.posted:
		if json.Unmarshal(found, &results) != nil || len(results) != len(pages) {
			t.Fatalf("the driver found %s in %d pages:\n%s", found, len(pages), log.Bytes())
		}
	default:
		t.Fatalf("the driver found nothing:\n%s", log.Bytes())
	}
	for _, line := range strings.Split(log.String(), "\n") {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, line)
		}
	}
	return results, console
}

// driverPage opens the pages in frames. A frame has its handler before its address, because a
// frame that the parser opens may be loaded before the script runs. Chromium ends once the
// driver is loaded, and a picture keeps it from that until the results are posted.
func driverPage(function string, pages int) string {
	return `<!doctype html><title>driver</title><style>iframe { position: fixed; inset: 0 }</style><body><img src="/done"><script>
function load(n) {
  return new Promise(function (loaded) {
    const frame = document.createElement("iframe");
    frame.width = 1200; frame.height = 900; // each frame is in view
    frame.onload = function () { loaded(frame); };
    frame.src = "/page/" + n;
    document.body.append(frame);
  });
}
async function visit(n) {
  const frame = await load(n);
  try { return String(await (async function (w, d) {` + function + `})(frame.contentWindow, frame.contentDocument)); } catch (e) { return "error: " + e; }
}
Promise.all(Array.from({ length: ` + fmt.Sprint(pages) + ` }, function (_, n) { return visit(n); }))
  .then(function (results) { fetch("/results", { method: "POST", body: JSON.stringify(results) }); });
</script>`
}

// Command is a Chromium that renders a page without a window and without the network. A
// machine without Chromium skips the test.
func Command(ctx context.Context, t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine to open pages with")
	}
	return exec.CommandContext(ctx, chromium, append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + filepath.Join(t.TempDir(), "profile")}, args...)...)
}
