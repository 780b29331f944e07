//! A job in shards: each takes the orders whose id leaves its item as the remainder.
//!
//! Give the job a shard count and, if you like, a parameter for each item, such as
//! `[{"region": "north"}, {"region": "south"}]`.

use antares_client::{BoxError, Client, Context, Job};
use serde::Deserialize;

/// Parameter of an item.
#[derive(Default, Deserialize)]
struct Slice {
    region: String,
}

/// What the handler needs is in its fields, such as a pool of database connections.
struct Settle {
    orders: u64,
}

impl Job for Settle {
    type Output = Result<u64, BoxError>;

    async fn run(&self, ctx: Context) -> Self::Output {
        let slice: Option<Slice> = ctx.param()?;
        let (item, total) = (u64::try_from(ctx.item())?, u64::try_from(ctx.total())?);
        let region = slice.unwrap_or_default().region;
        ctx.log().info(format!("item {item} of {total} {region}"));
        let mut settled = 0;
        for order in (0..self.orders).filter(|order| order % total == item) {
            // Ask now and then in long work, or race `ctx.cancelled()` against a wait.
            if ctx.is_cancelled() {
                return Err(format!("stopped at order {order}").into());
            }
            settled += 1;
        }
        Ok(settled)
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().init();
    let var = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    Client::builder(var("ANTARES_APP", "demo"), var("ANTARES_SECRET", "secret"))
        .server(var("ANTARES_SERVER", "http://127.0.0.1:22122"))
        .slots(8)
        .handler("settle", Settle { orders: 1_000_000 })
        .build()?
        .run()
        .await;
    Ok(())
}
