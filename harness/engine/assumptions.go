package engine

import (
	"fmt"
	"time"

	"github.com/stampede-bench/stampede/harness"
	"github.com/stampede-bench/stampede/harness/oracle"
)

// checkLoad breaks [oracle.LoadDelivered] if the producer was late or records are missing.
func (c *conclusion) checkLoad(sent harness.LoadReport, counts harness.Counts) {
	limit := c.Scenario.Conditions.Lateness
	if late := sent.Lateness; !sent.Flood && late.P99 > limit {
		c.incidents.breakAssumption(oracle.LoadDelivered, fmt.Sprintf("the producer was late: p99 %v, at most %v is allowed (max %v)",
			late.P99.Round(time.Millisecond), limit, late.Max.Round(time.Millisecond)))
	}
	if counts.Failed > 0 {
		c.incidents.breakAssumption(oracle.LoadDelivered, fmt.Sprintf("%d of %d records could not be sent", counts.Failed, counts.Sent))
	}
	if counts.Sent == 0 && c.incidents.brokenAssumptions()[oracle.GroupFormed] == "" {
		c.incidents.breakAssumption(oracle.LoadDelivered, "no record was sent")
	}
}

// checkWork breaks [oracle.WorkDone] if no record was completed.
func (c *conclusion) checkWork(counts harness.Counts) {
	if counts.Appended > 0 && counts.Completed == 0 {
		c.incidents.breakAssumption(oracle.WorkDone, fmt.Sprintf("0 of %d appended records were completed, in %d attempts", counts.Appended, counts.Attempts))
	}
}

// judgeAssumptions are all assumptions, each with what was found.
func (c *conclusion) judgeAssumptions(out *harness.Run) (list []harness.Assumption) {
	broken := c.incidents.brokenAssumptions()
	details := c.assumptionDetails(out)
	for _, name := range oracle.Assumptions {
		a := harness.Assumption{Name: name, Held: true, Detail: details[name]}
		if why, isBroken := broken[name]; isBroken {
			a.Held, a.Detail = false, why
		}
		list = append(list, a)
	}
	return list
}

// assumptionDetails are the details of assumptions that hold.
func (c *conclusion) assumptionDetails(out *harness.Run) map[string]string {
	details := map[string]string{
		oracle.GroupFormed:     fmt.Sprintf("%d pods shared %d partitions before the first record was due", min(c.Scenario.Pods, c.Scenario.Partitions), c.Scenario.Partitions),
		oracle.LoadDelivered:   fmt.Sprintf("lateness p99 %v, allowed %v", out.Load.Lateness.P99.Round(10*time.Microsecond), c.Scenario.Conditions.Lateness),
		oracle.FaultTookEffect: fmt.Sprintf("%d of %d injected and verified", len(out.Faults), len(c.Scenario.Injections)),
		oracle.WorkInFlight:    "not required",
		oracle.NoPodStarved:    "the group expelled no running pod without a fault",
		oracle.NoBrokerLost:    c.nodes.describe(),
		oracle.CommitsAnswered: fmt.Sprintf("each within %v while no fault lasted", commitAnswerLimit(c.cfg)),
		oracle.ObserversKeptUp: "commits and owners were seen throughout",
		oracle.DrainEnded:      c.course.drain.describeEnd(),
		oracle.WorkDone:        fmt.Sprintf("%d of %d appended records were completed", out.Counts.Completed, out.Counts.Appended),
		oracle.LedgerComplete:  fmt.Sprintf("%d records in the log, %d of them proven and not read; %d slots torn by kills, which are ignored", out.Counts.Appended, c.course.stop.read.proven, c.saved.tornSlots()),
	}
	if out.Load.Flood {
		details[oracle.LoadDelivered] = "all records were due at once"
	}
	if need := c.neededWorkInFlight(); need > 0 && len(out.Faults) > 0 {
		details[oracle.WorkInFlight] = fmt.Sprintf("%v, at least %v", out.Faults[0].WorkInFlight.Round(time.Millisecond), need)
	}
	return details
}
