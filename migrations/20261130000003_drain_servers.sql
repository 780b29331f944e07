-- A server can be drained by an operator and be resumed; one that stops leaves at once.
comment on column server.draining is 'Set by an operator: others own its buckets while there are others.';
comment on column server_view.draining is 'Whether an operator drained it: others fire its jobs, while there are others.';
