package sharegroup_test

import (
	"context"
	"fmt"

	"github.com/stampede-bench/stampede/consumers/sharegroup"
	"github.com/stampede-bench/stampede/harness"
)

func Example() {
	consumer := sharegroup.Consumer{Clients: 2}
	fmt.Println(consumer.Consume(context.Background(), harness.Config{Pod: "pod-1", Workers: 4, Window: 1}, nil))
	// Output: client pod-1.0: no seeds
}
