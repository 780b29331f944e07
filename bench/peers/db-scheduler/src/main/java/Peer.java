import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.task.TaskInstance;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** db-scheduler with lock-and-fetch, and threads and limits of its own benchmark. */
public final class Peer {
    private static final String VERSION = "16.12.0";
    /** Jobs of one insert. */
    private static final long BATCH = 2_000;
    /** {@code sustained} inserts while fewer jobs than this wait: never empty, never a drain in disguise. */
    private static final long BACKLOG = 14_000;
    /** What a worker does in its first moments is no steady state. */
    private static final Duration WARM_UP = Duration.ofSeconds(2);
    /** A drain does not become faster by being longer, and more jobs than this are not done in that time. */
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final long MOST = 200_000;

    private static final int THREADS = 100;
    private static final double LOWER = 2.0;
    private static final double UPPER = 6.0;
    /** Fewer than threads: PostgreSQL allows 100 by default, and not to this peer alone. */
    private static final int CONNECTIONS = 50;

    /** What was done in which time, of how many jobs, and whether some were left when the time was up. */
    private record Outcome(long done, double seconds, long inserted, boolean gaveUp) {}

    private final Database database;
    private final Calls calls = new Calls();
    private final OneTimeTask<Void> noop =
            Tasks.oneTime("noop").execute((instance, context) -> calls.add(Integer.parseInt(instance.getId())));
    private final Scheduler scheduler;

    private Peer(Database database) {
        this.database = database;
        scheduler = Scheduler.create(database.pool(), noop)
                .threads(THREADS)
                .pollUsingLockAndFetch(LOWER, UPPER)
                .pollingInterval(Duration.ofMillis(10))
                .build();
    }

    public static void main(String[] args) {
        if (args.length != 2 || !args[1].matches("[1-9][0-9]{0,8}") || !args[0].matches("drain|sustained")) {
            System.err.println("usage: run drain JOBS | run sustained SECONDS");
            System.exit(2);
        }
        try {
            run(args[0], Long.parseLong(args[1]));
        } catch (Exception error) {
            System.err.println(error);
            // The threads of the scheduler would keep the process.
            System.exit(1);
        }
    }

    private static void run(String workload, long amount) throws Exception {
        try (Database database = Database.create(CONNECTIONS)) {
            Peer peer = new Peer(database);
            Outcome found = workload.equals("drain") ? peer.drain(amount) : peer.sustained(amount);
            peer.scheduler.stop();
            // A completed job is deleted, so what is gone from the table was completed.
            long left = database.left();
            boolean verified = peer.calls.onceEach(found.inserted - left) && (left == 0 || found.gaveUp);
            print(workload, amount, found, verified);
        }
    }

    private static void print(String workload, long amount, Outcome found, boolean verified) {
        String settings = "lock-and-fetch, %d threads, lower %.1f, upper %.1f, poll 10 ms, HikariCP with %d connections, jobs are deleted without history"
                .formatted(THREADS, LOWER, UPPER, CONNECTIONS);
        if (workload.equals("drain") && found.inserted < amount) {
            settings += ", %d jobs of %d were inserted".formatted(found.inserted, amount);
        }
        if (found.gaveUp) {
            settings += ", given up after %d s with %d jobs done".formatted(LIMIT.toSeconds(), found.done);
        }
        System.out.printf(
                Locale.ROOT,
                "{\"peer\":\"db-scheduler\",\"version\":\"%s\",\"workload\":\"%s\",\"jobs\":%d,\"seconds\":%.3f,\"per_second\":%.0f,\"verified\":%b,\"settings\":\"%s\"}%n",
                VERSION, workload, found.done, found.seconds, found.done / found.seconds, verified, settings);
    }

    private Outcome drain(long wanted) throws Exception {
        long jobs = Math.min(wanted, MOST);
        for (long first = 0; first < jobs; first += BATCH) {
            insert(first, Math.min(BATCH, jobs - first));
        }
        database.settle();
        long start = System.nanoTime();
        scheduler.start();
        boolean ended = finish(jobs, start + LIMIT.toNanos());
        double seconds = since(start);
        return new Outcome(ended ? jobs : jobs - database.left(), seconds, jobs, !ended);
    }

    /**
     * Inserts until the time is up, as fast as the jobs are worked. The window begins after the warm-up. Handled
     * stands for completed in it: they differ by what is in flight, the same at both ends.
     */
    private Outcome sustained(long length) throws Exception {
        scheduler.start();
        long begin = System.nanoTime();
        long start = 0;
        long before = 0;
        long inserted = 0;
        while (start == 0 || since(start) < length) {
            if (start == 0 && System.nanoTime() - begin >= WARM_UP.toNanos()) {
                start = System.nanoTime();
                before = calls.get();
            }
            if (inserted - calls.get() < BACKLOG) {
                insert(inserted, BATCH);
                inserted += BATCH;
            } else {
                Thread.sleep(1);
            }
        }
        Outcome found = new Outcome(calls.get() - before, since(start), inserted, false);
        if (!finish(inserted, System.nanoTime() + LIMIT.toNanos())) {
            throw new IllegalStateException("it does not come to an end");
        }
        return found;
    }

    private void insert(long first, long jobs) {
        Stream<TaskInstance<?>> instances =
                LongStream.range(first, first + jobs).mapToObj(job -> noop.instance(Long.toString(job)));
        scheduler.scheduleBatch(instances.toList(), Instant.now());
    }

    /** Waits until the last job is completed in the database, not only handled; false if that takes too long. */
    private boolean finish(long jobs, long until) throws Exception {
        while (calls.get() < jobs || database.left() > 0) {
            if (System.nanoTime() > until) {
                return false;
            }
            Thread.sleep(2);
        }
        return true;
    }

    private static double since(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
