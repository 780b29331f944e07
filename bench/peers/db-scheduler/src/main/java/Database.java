import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** The fresh database of this peer. */
record Database(String admin, Properties user, HikariDataSource pool) implements AutoCloseable {
    private static final String NAME = "bench_peer_db_scheduler";
    /** The project ships it only in its documentation, not in the library. */
    private static final String TABLE =
            """
            create table scheduled_tasks (
                task_name text not null, task_instance text not null, task_data bytea,
                execution_time timestamp with time zone, picked boolean not null, picked_by text,
                last_success timestamp with time zone, last_failure timestamp with time zone, consecutive_failures int,
                last_heartbeat timestamp with time zone, version bigint not null, priority smallint, state text,
                primary key (task_name, task_instance));
            create index on scheduled_tasks (execution_time);
            create index on scheduled_tasks (last_heartbeat);
            create index on scheduled_tasks (priority desc, execution_time asc)
            """;

    static Database create(int connections) throws SQLException {
        String url = System.getenv("DATABASE_URL");
        if (url == null || url.isEmpty()) {
            throw new IllegalStateException("DATABASE_URL is not set");
        }
        // The driver knows neither user nor password before the host, and no other name of the scheme.
        URI uri = URI.create(url);
        String host = uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort());
        String options = uri.getQuery() == null ? "" : "?" + uri.getQuery();
        Properties user = new Properties();
        if (uri.getUserInfo() != null) {
            String[] parts = uri.getUserInfo().split(":", 2);
            user.setProperty("user", parts[0]);
            user.setProperty("password", parts.length == 2 ? parts[1] : "");
        }
        String admin = "jdbc:postgresql://" + host + uri.getPath() + options;
        execute(admin, user, "drop database if exists " + NAME + " with (force)", "create database " + NAME);

        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + host + "/" + NAME + options);
        config.setDataSourceProperties(user);
        config.addDataSourceProperty("reWriteBatchedInserts", "true");
        config.setMaximumPoolSize(connections);
        HikariDataSource pool = new HikariDataSource(config);
        Database database = new Database(admin, user, pool);
        database.execute(TABLE);
        return database;
    }

    /** All peers start from the same place: fresh statistics, nothing left to flush. */
    void settle() throws SQLException {
        execute("vacuum analyze");
        execute("checkpoint");
    }

    /** Jobs that are not completed. */
    long left() throws SQLException {
        try (Connection connection = pool.getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("select count(*) from scheduled_tasks")) {
            rows.next();
            return rows.getLong(1);
        }
    }

    @Override
    public void close() throws SQLException {
        pool.close();
        execute(admin, user, "drop database if exists " + NAME + " with (force)");
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = pool.getConnection(); Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static void execute(String url, Properties user, String... statements) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url, user);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }
}
