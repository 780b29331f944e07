// River for Go with the settings of its own `river bench`, which the module proxy does not have.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

const (
	version = "0.51.2"
	// Jobs of one insert.
	batch = 2_000
	// `sustained` inserts while fewer jobs than this wait: never empty, never a drain in disguise.
	backlog = 14_000
	// What a worker does in its first moments is no steady state.
	warmUp = 2 * time.Second
	// A drain does not become faster by being longer.
	limit    = 30 * time.Second
	settings = "2000 workers, fetch cooldown 2 ms, poll 20 ms, 10 connections, inserted by COPY, " +
		"jobs stay in the table as history"
	anyLeft = "select exists (select from river_job where state in " +
		"('available', 'running', 'retryable', 'scheduled', 'pending'))"
)

type noopArgs struct {
	Num int64 `json:"num"`
}

func (noopArgs) Kind() string { return "noop" }

type noop struct {
	river.WorkerDefaults[noopArgs]
	calls *calls
}

func (w *noop) Work(_ context.Context, job *river.Job[noopArgs]) error {
	w.calls.add(job.Args.Num)
	return nil
}

// What was done in which time, of how many jobs, and whether some were left when the time was up.
type outcome struct {
	done     int64
	elapsed  time.Duration
	inserted int64
	gaveUp   bool
}

type bench struct {
	database *database
	client   *river.Client[tx]
	calls    *calls
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	usage := errors.New("usage: run drain JOBS | run sustained SECONDS")
	if len(args) != 2 {
		return usage
	}
	amount, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil || amount < 1 {
		return usage
	}
	var work func(*bench, context.Context, int64) (outcome, error)
	switch args[0] {
	case "drain":
		work = (*bench).drain
	case "sustained":
		work = (*bench).sustained
	default:
		return usage
	}
	database, err := createDatabase(ctx)
	if err != nil {
		return err
	}
	defer database.drop(ctx)
	found, verified, err := measure(ctx, database, work, amount)
	if err != nil {
		return err
	}
	seconds, how := found.elapsed.Seconds(), settings
	if found.gaveUp {
		how += fmt.Sprintf(", given up after %v with %d of %d jobs done", limit, found.done, found.inserted)
	}
	line, err := json.Marshal(map[string]any{
		"peer":       "river-go",
		"version":    version,
		"workload":   args[0],
		"jobs":       found.done,
		"seconds":    math.Round(seconds*1000) / 1000,
		"per_second": math.Round(float64(found.done) / seconds),
		"verified":   verified,
		"settings":   how,
	})
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return nil
}

func measure(
	ctx context.Context, database *database, work func(*bench, context.Context, int64) (outcome, error), amount int64,
) (outcome, bool, error) {
	driver := riverpgxv5.New(database.pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet()})
	if err != nil {
		return outcome{}, false, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return outcome{}, false, err
	}
	calls := newCalls()
	workers := river.NewWorkers()
	river.AddWorker(workers, &noop{calls: calls})
	client, err := river.NewClient(driver, &river.Config{
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 20 * time.Millisecond,
		Logger:            quiet(),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2_000}},
		Workers:           workers,
	})
	if err != nil {
		return outcome{}, false, err
	}
	found, err := work(&bench{database, client, calls}, ctx, amount)
	if err != nil {
		return outcome{}, false, err
	}
	if err := client.Stop(ctx); err != nil {
		return outcome{}, false, err
	}
	var completed, waiting, all int64
	const count = "select count(*) filter (where state = 'completed' and attempt = 1), " +
		"count(*) filter (where state = 'available' and attempt = 0), count(*) from river_job"
	if err := database.pool.QueryRow(ctx, count).Scan(&completed, &waiting, &all); err != nil {
		return outcome{}, false, err
	}
	verified := calls.onceEach(completed) && completed+waiting == all && all == found.inserted &&
		(waiting == 0 || found.gaveUp)
	return found, verified, nil
}

func (b *bench) drain(ctx context.Context, jobs int64) (outcome, error) {
	for first := int64(0); first < jobs; first += batch {
		if err := b.insert(ctx, first, min(batch, jobs-first)); err != nil {
			return outcome{}, err
		}
	}
	if err := b.database.settle(ctx); err != nil {
		return outcome{}, err
	}
	start := time.Now()
	if err := b.client.Start(ctx); err != nil {
		return outcome{}, err
	}
	ended, err := b.finish(ctx, jobs, start.Add(limit))
	if err != nil {
		return outcome{}, err
	}
	found := outcome{jobs, time.Since(start), jobs, !ended}
	if !ended {
		const done = "select count(*) from river_job where state = 'completed'"
		err = b.database.pool.QueryRow(ctx, done).Scan(&found.done)
	}
	return found, err
}

// Inserts until the time is up, as fast as the jobs are worked. The window begins after the warm-up. Handled
// stands for completed in it: they differ by what is in flight, the same at both ends.
func (b *bench) sustained(ctx context.Context, seconds int64) (outcome, error) {
	length := time.Duration(seconds) * time.Second
	if err := b.client.Start(ctx); err != nil {
		return outcome{}, err
	}
	var start time.Time
	var before, inserted int64
	for begin := time.Now(); start.IsZero() || time.Since(start) < length; {
		if start.IsZero() && time.Since(begin) >= warmUp {
			start, before = time.Now(), b.calls.get()
		}
		if inserted-b.calls.get() >= backlog {
			time.Sleep(time.Millisecond)
			continue
		}
		if err := b.insert(ctx, inserted, batch); err != nil {
			return outcome{}, err
		}
		inserted += batch
	}
	found := outcome{b.calls.get() - before, time.Since(start), inserted, false}
	ended, err := b.finish(ctx, inserted, time.Now().Add(limit))
	if err == nil && !ended {
		err = errors.New("it does not come to an end")
	}
	return found, err
}

func (b *bench) insert(ctx context.Context, first, jobs int64) error {
	params := make([]river.InsertManyParams, jobs)
	for i := range params {
		params[i].Args = noopArgs{Num: first + int64(i)}
	}
	_, err := b.client.InsertManyFast(ctx, params)
	return err
}

// Waits until the last job is completed in the database, not only handled; false if that takes too long.
func (b *bench) finish(ctx context.Context, jobs int64, until time.Time) (bool, error) {
	for left := true; left; {
		if time.Now().After(until) {
			return false, nil
		}
		time.Sleep(2 * time.Millisecond)
		if b.calls.get() < jobs {
			continue
		}
		if err := b.database.pool.QueryRow(ctx, anyLeft).Scan(&left); err != nil {
			return false, err
		}
	}
	return true, nil
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}
