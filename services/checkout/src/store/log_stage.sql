-- Notes what comes next. Answers no row if another owner has taken the saga over.
update sagas
set
  stage = d.column4,
  quote = coalesce(d.column5, sagas.quote),
  wake_at = d.column6,
  updated_at = d.column7
from (values {rows:uuid,bigint,bigint,text,text,bigint,bigint}) as d
where sagas.claim_id = d.column1 and sagas.attempt = d.column2 and sagas.epoch = d.column3 and sagas.done = 0
returning sagas.claim_id
