import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;

/** Counts calls of the handler, and notes of which jobs. */
final class Calls {
    /** Jobs that can be told apart, far more than any run has. */
    private static final int NUMBERS = 1 << 26;

    private final AtomicLong count = new AtomicLong();
    private final AtomicLong doubled = new AtomicLong();
    private final AtomicIntegerArray seen = new AtomicIntegerArray(NUMBERS / 32);

    void add(int job) {
        int bit = 1 << (job % 32);
        if ((seen.getAndUpdate(job / 32, bits -> bits | bit) & bit) != 0) {
            doubled.incrementAndGet();
        }
        count.incrementAndGet();
    }

    long get() {
        return count.get();
    }

    /** Whether the handler was called for each of so many jobs, and for none twice. */
    boolean onceEach(long jobs) {
        return count.get() == jobs && doubled.get() == 0;
    }
}
