-- Claims look for instances of the apps whose clients wait: a backlog of another app must not stand in their way.
create index instance_app_idx on instance (app_id, id);
