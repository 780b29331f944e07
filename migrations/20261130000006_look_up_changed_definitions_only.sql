-- Up to which instance the newest definition may be another than the one it was fired with: with each change of a definition
-- the newest id and a million more, for those that waited for the change to commit while others were fired. A sequence
-- and not a row, so that changes of different jobs do not wait for one another.
create sequence definition_change minvalue 0 start 0;
comment on sequence definition_change is 'Instances above it have the definition that holds now.';
-- Of those that run already nobody has said yet.
select setval('definition_change', max(id) + 1000000) from instance having count(*) > 0;
