# A client in three calls, for trying out: it registers, waits for a shard of a job with the handler "my-job", and reports
# it as succeeded. --json needs curl 7.82 or newer.
CLIENTS={url}/client/v1/clients
ID=$(curl -sSf -u '{app}:{secret}' $CLIENTS --json '{"host": "laptop", "handlers": ["my-job"], "slots": 1}' |
  sed 's/.*"client_id":"\([^"]*\).*/\1/')
CLAIMED=$(curl -sSf -u '{app}:{secret}' $CLIENTS/$ID/claim --json '{"max": 1, "wait_ms": 30000}')
echo "$CLAIMED"
SHARD=$(echo "$CLAIMED" | sed -n 's/.*\("shard_id":[0-9]*,"attempt":[0-9]*\).*/\1/p')
NOW=$(date -u +%Y-%m-%dT%H:%M:%SZ)
[ -z "$SHARD" ] || curl -sSf -u '{app}:{secret}' $CLIENTS/$ID/report --json \
  "{\"results\": [{$SHARD, \"outcome\": \"succeeded\", \"started_at\": \"$NOW\", \"ended_at\": \"$NOW\"}]}"
curl -sSf -u '{app}:{secret}' -X DELETE $CLIENTS/$ID
