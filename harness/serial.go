package harness

// SerialUnit is what a consumer works on one record at a time.
type SerialUnit string

// The units, from the finest to the coarsest.
const (
	SerialRecord    SerialUnit = "record"    // SerialRecord: no record waits for another one.
	SerialKey       SerialUnit = "key"       // SerialKey: a record waits for those of its key.
	SerialQueue     SerialUnit = "queue"     // SerialQueue: it waits for those of the keys that share its queue of the pod.
	SerialPartition SerialUnit = "partition" // SerialPartition: it waits for those of its partition.
)

// Serial says what a consumer works on one record at a time. Under skew that limits its
// throughput, whatever its workers are. A unit never spans pods, and the limit of a pod is
// [Implementation.Parallelism].
type Serial struct {
	Unit SerialUnit
	// Queues of a pod, with [SerialQueue] alone. The hash of a key chooses its queue.
	Queues int
	// Batch is the most records of a unit that one call of the work takes. 0: 1.
	Batch int
	// Ways is how many records of a unit may be in work at once, against the unit: a key that is
	// split over several queues. 0: 1.
	Ways int
	// Prepares: only what [PreparedWork] leaves is serial, and any worker does the rest.
	Prepares bool
}

// SerialOf is what the implementation works on one record at a time under cfg. Where it
// declares none, its claim of an order implies it.
func (i *Implementation) SerialOf(cfg Config) Serial {
	if i.Serial != nil {
		return i.Serial(cfg)
	}
	switch i.Order {
	case OrderKey:
		return Serial{Unit: SerialKey}
	case OrderPartition:
		return Serial{Unit: SerialPartition}
	}
	return Serial{Unit: SerialRecord}
}

// WorksElsewhere reports whether records may be worked on by another pod than the owner of
// their partition: by a share group, or after a copy to a side topic. Copies of records whose
// work failed do not count.
func (i *Implementation) WorksElsewhere(cfg Config) bool {
	if i.Share {
		return true
	}
	for _, t := range i.SideTopicsOf(cfg) {
		if t.worksOnRecords() {
			return true
		}
	}
	return false
}

// worksOnRecords reports whether members of the topic work on records of the source that did
// not fail.
func (s SideTopic) worksOnRecords() bool {
	return s.Role == RoleRanges || s.Role == RoleOverflow || s.Role == RoleWide || s.Role == RoleDelay
}

// WorkPartitions is how many partitions pods share for their work where the source has so
// many: at most one pod works for each. 0: any pod may work.
func (i *Implementation) WorkPartitions(cfg Config, source int) int {
	if i.Share {
		return 0
	}
	n := source
	for _, t := range i.SideTopicsOf(cfg) {
		if t.worksOnRecords() {
			n += t.PartitionsFor(source)
		}
	}
	return n
}

func (s Serial) validateSerial() error {
	if err := checkOneOf("Serial.Unit", s.Unit, SerialRecord, SerialKey, SerialQueue, SerialPartition); err != nil {
		return err
	}
	if (s.Unit == SerialQueue) != (s.Queues > 0) {
		return refuseField("Serial.Queues", "above 0 with queues, and 0 without", s.Queues)
	}
	if err := checkLeast("Serial.Batch", s.Batch, 0); err != nil {
		return err
	}
	return checkLeast("Serial.Ways", s.Ways, 0)
}
