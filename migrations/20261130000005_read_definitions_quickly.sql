-- A replica that fires a herd reads as many definitions as jobs: turning jsonb into text, and reading fields that say what
-- holds anyway, costs more than all else about it.
alter table job_version add column brief text;
comment on column job_version.brief is 'The definition as JSON without the fields that have their default, as replicas read it; null in versions written before there was this column.';
