package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
)

const (
	barHeight  = 18
	barGap     = 6
	nameWidth  = 190
	chartWidth = 720
	titleSpace = 34
)

// Chart draws, as SVG, the CPU time per event of every contender in the named workloads: shorter is better.
func Chart(out io.Writer, rows []Row, workloads ...string) error {
	var body strings.Builder
	y := 10
	for _, workload := range workloads {
		most := 0.0
		for _, r := range rows {
			if r.Workload == workload {
				most = max(most, r.CPUNanos)
			}
		}
		if most == 0 {
			continue
		}
		y += 20
		text(&body, 10, y, "title", workload+": CPU per event")
		y += titleSpace - 20
		for _, r := range rows {
			if r.Workload != workload || r.Failed != "" {
				continue
			}
			width := int(r.CPUNanos / most * (chartWidth - nameWidth - 170))
			class := "peer"
			if strings.HasPrefix(r.Contender, "headrace") {
				class = "ours"
			}
			text(&body, 10, y+13, "name", r.Contender)
			fmt.Fprintf(&body, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"/>`+"\n", class, nameWidth, y, max(width, 1), barHeight)
			text(&body, nameWidth+width+6, y+13, "figure", fmt.Sprintf("%s ns, %s events/s",
				humanize.Comma(int64(r.CPUNanos)), humanize.Comma(int64(r.EventsPerSecond))))
			y += barHeight + barGap
		}
		y += 10
	}
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">
<style>.title{font-weight:bold;font-size:14px}.ours{fill:#0b6e99}.peer{fill:#b9c2c9}.figure{fill:#555}</style>
<rect width="100%%" height="100%%" fill="white"/>
%s</svg>
`, chartWidth, y+10, body.String())
	return err
}

func text(b *strings.Builder, x, y int, class, s string) {
	fmt.Fprintf(b, `<text class="%s" x="%d" y="%d">`, class, x, y)
	_ = xml.EscapeText(b, []byte(s)) // a strings.Builder takes everything
	b.WriteString("</text>\n")
}
