package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

const (
	localImage    = "stampede/kafka:4.3.1" // localImage is built by testdata/kafka-image.
	officialImage = "apache/kafka:4.3.1"
	imageEnv      = "STAMPEDE_KAFKA_IMAGE"

	pullTimeout = 10 * time.Minute
)

// openEngine returns a client of a Docker engine that answers.
func openEngine(ctx context.Context) (*testcontainers.DockerClient, error) {
	// Ryuk is a container that removes those of a dead process. It would have to
	// be pulled from a registry; the labels of [owner] do the same without.
	// A user who wants Ryuk sets the variable.
	if _, set := os.LookupEnv("TESTCONTAINERS_RYUK_DISABLED"); !set {
		if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
			return nil, err
		}
	}
	// Its log lines would break the progress bars.
	log.SetDefault(log.NewNoopLogger())
	engine, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err == nil {
		_, err = engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
		if err != nil {
			err = errors.Join(err, engine.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("no Docker engine answers: %w (start one, as by: dockerd &; or name it in DOCKER_HOST)", err)
	}
	return engine, nil
}

// chooseImage returns the image to run: that of the flag, else that of the
// environment, else the local image if it exists, else the official one.
func chooseImage(line, env string, present func(image string) (bool, error)) (string, error) {
	if line != "" {
		return line, nil
	}
	if env != "" {
		return env, nil
	}
	here, err := present(localImage)
	if err != nil || here {
		return localImage, err
	}
	return officialImage, nil
}

// resolveImage chooses the image and makes sure that the engine has it.
func resolveImage(ctx context.Context, engine *testcontainers.DockerClient, line string) (string, error) {
	present := func(image string) (bool, error) {
		_, err := engine.ImageInspect(ctx, image)
		if errdefs.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for image %s: %w", image, err)
		}
		return true, nil
	}
	image, err := chooseImage(line, os.Getenv(imageEnv), present)
	if err != nil {
		return "", err
	}
	if here, err := present(image); err != nil || here {
		return image, err
	}
	if err := pullImage(ctx, engine, image); err != nil {
		return "", fmt.Errorf("the engine has no image %s and cannot pull it: %w (build %s with: make kafka-image; or name another by -kafka-image or $%s)",
			image, err, localImage, imageEnv)
	}
	return image, nil
}

func pullImage(ctx context.Context, engine *testcontainers.DockerClient, image string) error {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	progress, err := engine.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	return errors.Join(progress.Wait(ctx), progress.Close())
}

var kafkaTag = regexp.MustCompile(`/kafka:(\d+(?:\.\d+)+)$`)

// describeImage returns the line for the report. Only the tag of an image tells
// its version.
func describeImage(image string, nodes int) string {
	kafka := "Apache Kafka"
	if m := kafkaTag.FindStringSubmatch(image); m != nil {
		kafka += " " + m[1]
	}
	noun := "nodes"
	if nodes == 1 {
		noun = "node"
	}
	return fmt.Sprintf("%s, %d %s in containers, image %s", kafka, nodes, noun, image)
}
