package chart

import "math"

// Point is a value Y at X. A NaN Y breaks the line.
type Point struct{ X, Y float64 }

// MaxPoints is how many points of a series are drawn at most: about one for
// each pixel of a chart.
const MaxPoints = 600

// Peaks thins points to at most n by keeping the highest of each group of
// neighbours. No spike is lost.
func Peaks(points []Point, n int) []Point {
	return thinPoints(points, n, func(group []Point) Point {
		best := Point{group[0].X, math.NaN()}
		for _, p := range group {
			if math.IsNaN(best.Y) || p.Y > best.Y {
				best = p
			}
		}
		return best
	})
}

// Means thins points to at most n by the mean of each group of neighbours,
// which is exact for rates over equal steps.
func Means(points []Point, n int) []Point {
	return thinPoints(points, n, func(group []Point) Point {
		var m Point
		for _, p := range group {
			m.X += p.X / float64(len(group))
			m.Y += p.Y / float64(len(group))
		}
		return m
	})
}

func thinPoints(points []Point, n int, merge func([]Point) Point) []Point {
	if len(points) <= n {
		return points
	}
	size := (len(points) + n - 1) / n
	var out []Point
	for i := 0; i < len(points); i += size {
		out = append(out, merge(points[i:min(i+size, len(points))]))
	}
	return out
}
