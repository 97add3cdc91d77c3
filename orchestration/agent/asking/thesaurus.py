"""Words of one meaning, as people say them about a home, and words that tell nothing of what is asked.

Belongs here: the lists. Where a group is longer than what people here say, it follows the synonym sets of WordNet 3.1
(Princeton University). A dash stands for a space: "out-of-date" is found where these three words stand together.
"""

# articles, pronouns, auxiliaries, prepositions, courtesies, and verbs of telling, having, taking and being
_FUNCTION_WORDS = """
responsible-for came-out-of came-out comes-out choose-from choose having a an the this that these those it its itself
there here one some such same any anything all everything everyone everybody anybody anyone something somebody someone
nothing both other another own i me my mine we us our you your he she his her him they them their people person guys
folks team am is are was were be been being do does did doing done have has had can could will would shall should may
might must let get got gotten go goes going gone come came become became want wish need know knew think believe able s
t ll ve re d m don doesn didn isn aren wasn of in on at to for with by from into onto over under about through during
within between among as than out up off down upon via toward around along across behind beside regarding respect and
or but nor if so because while when where how what which who whom whose whether then thus also too only just even
still yet far so-far up-to-now until until-now till already now currently moment present once ever never again often
really actually exactly very quite rather pretty roughly approximately altogether overall together alone simply mere
further please pls plz kindly hey hi hello ok okay thank yo sir dear not no yes more less much many most least few
several show give tell tells list print display say said state report name provide describe see look find check-out
speak mention enumerate read mean matter concern hold contain comprise include possess possesses keep kept store
  stored exist
available belong consist remain stay thing stuff item kind-of sort-of lot bit way long home system content information
detail inside outside data material collection archive library set put use used using involve produce deliver yield
take took taken record collect gather acquire obtain receive appear occur happen arise build built would-like d-like
should-like like-to i-like do-you-like exhibit demonstrate demonstrated depict incorporate bear carry carried feature
accumulate compile indicate designate create supply supplied furnish specify specified define whole entire right-now
drawn draw account-for accounts-for accounted-for end-up ends-up ended-up wind-up wound-up went gave given saw seen
shown told found brought bring sat lay lie lies lying meant try tried contribute contributed distinguish differentiate
discern participate encompass encompassed span spans assign assigned attach attached associate associated attribute-to
attributed correspond amount-to add-up-to come-to comes-to run-to make-up makes-up fall-under fell-under go-into
generate generated host accommodate register registered film filmed filming publish published captured cover-in
turn-out turned-out were-running was-running took-part take-part taking-part start started begin began begun continue
registry repository warehouse vault inventory catalog catalogue pool corpus database storage disk bucket portfolio
holdings workspace project dataset-store wonder wondering curious interested interest possible glad favour favor
remind quick-question one-question my-question another-question question-for-you sorry cheers thanks thx ta happen-to
bother mind sure maybe perhaps probably so-like kinda sorta basically honestly dude man mate buddy folk for-the-help
for-your-help help-me help-us gimme lemme wanna gonna gotta dunno fyi btw asap pl u ur r w im ive id dont cant to-date
as-of-now as-of-today thus-far hitherto nowadays these-days current actual presently before earlier formerly
previously back brief quick concise short-of sit sits sitting cover covers own owns owning  deliver
delivers yield yields return returned count-as come-back came-back coming-back apply applies newest-first oldest-first
test testing distinct unique figure-out turn-up turns-up crop-up crops-up
appearing present-in found-in seen-in visible-in show-up shows-up showing-up amassed amass accumulated
gathering gathers hand-in handed-in supply supplies possess comprises includes embrace embraces house-in houses
consolidated in-stock on-hand on-record at-hand on-file full complete-list whole-list entire-list listing
catalogued specifically be-left are-left by-name named called namely each-of-them
"""
# what words and phrases stand for, and these; of a word that is not here endings are cut off
_GROUPS = """
count: how-many how-much how-often how-frequently how-many-times frequency occurrences length number-of count number
  amount quantity total sum size large big extent volume tally figure magnitude measure aggregate totality no-of nr-of
  num-of num nr nbr qty cnt headcount counts totals sums running-total grand-total
each: per every each apiece respective individual broken-down breakdown distribution distribute distributed spread
  breakdown-by grouped-by group-by split-by pr
most: the-most most-much more-than-all biggest largest greatest highest maximum max top maximal
frame: frame foto fotos picture image photo photograph photography snapshot pic shot imagery img exposure snap stills
  footage
  video-frame video-frames still-image still-images
capture: capture
session: session shoot recording recording-session recording-sessions recording-day recording-days capture-session
  capture-sessions
release: release dataset data-set data-sets data-release data-releases dataset-release dataset-releases
  dataset-version dataset-versions
label: label example annotation annotate mark tag annot object instance bounding-box bounding-boxes bbox bboxes box
  boxes
class: class classes category categories kind type sort object-class object-classes object-category object-categories
  object-kind object-type object-kinds object-types label-class label-classes label-type label-types taxonomy ontology
sensor: sensor camera cam device equipment instrument detector gear
part: part split divide division partition portion share section proportion separate train-val-test component
  constituent percentage ratio cut slice sliced subset subsets fold folds allocate allocated apportion apportioned
wait: have-to-do need-to-do must-do should-do to-do wait pending open await backlog left-to undecided unanswered
  outstanding not-decided not-yet-decided not-approved not-yet-approved unapproved in-line to-be-decided
queue: queue
status: status state-of the-state its-state stand overview summary summarise summarize situation what-s-up sitrep
  going-on how-is-it health healthy condition where-do-we-stand where-we-stand where-things-stand how-things-stand
  how-goes
  how-it-goes how-is-everything how-are-things how-s-everything how-are-we-doing how-s-it-going how-is-it-going
  how-it-is-going the-deal state-of-play state-of-affairs big-picture rundown run-down recap roundup standing get-on
  getting-on get-along getting-along come-along coming-along coming-on status-update status-report status-check
  where-are-we
check: check gate control quality criterion criteria claim
success: success went-fine go-fine ended-fine succeed succeeded successful successfully end-well ended-well went-well
  go-well without-trouble without-error
  without-errors without-problem without-problems finished-well no-trouble no-errors worked
started: still-running running-now in-progress under-way underway
search: search
briefing: briefing brief-me
follow: follow downstream consequence impact knock-on
fail: fail failure kill killed broke broken break wrong crash error err abort unsuccessful not-pass not-passed
  not-successful
  not-hold not-good go-wrong went-wrong gone-wrong problem trouble issue bad violate violation malfunction misfire red
  fault amiss faulty mistake not-let-through not-let not-through not-ok not-okay not-work not-success no-success
  without-success unsuccessfully blow-up blew-up blown-up blowing-up not-satisfied unsatisfied not-satisfy
  not-fulfilled unfulfilled not-met unmet not-complete not-completed not-finish not-finished not-succeed not-succeeded
  never-finished fall-over fell-over die died dead collapse collapsed flunk flunked go-down went-down break-down-of
  breakdowns break-up bust busted not-get-through not-go-through not-come-through not-make-it get-stuck got-stuck
  stuck stumble stumbled not-clear not-held non-passing not-run-through bomb-out cancelled fell-through fall-through
  error-out errored not-passing not-passes
export: export hand-out handed-out sent-out send-out sent-outside send-outside went-outside gone-outside give-away
  given-away gave-away hand-on hand-over handed-on handed-over left leave
  departure depart given-to gave-to passed-on pass-on
  passed-to shared-with sent-to send-to sold-to handed-to hand-to
licence: licence purpose purposes license licenced licensed terms allowed allow permitted permit commercial
  usage-rights rights
  free-to-use use-rights may-i-use permission permissions legally legal
house: house company firm organisation organization building premises
loss: would-be-lost would-i-lose would-we-lose would-lose lose-if lose-without
held: held-back hold-back hold-up held block withhold withheld
quarantine: quarantine choke choked gag vanish vanished unread unreadable corrupt damage defective reject unusable
  not-read set-aside put-aside lost
  lose could-not-be-read could-not-read cannot-be-read can-not-be-read can-not-read cannot-read could-not-be-opened
  can-not-be-opened could-not-open illegible undecipherable indecipherable garbled spoiled spoilt garbage junk trash
  rubbish defect kicked-out kick-out thrown-out throw-out turned-away turn-away discard discarded malformed mangled
  truncated undecodable unparseable unparsable unopenable not-be-read not-be-opened not-open not-opened not-decode
  not-decoded not-readable not-parse not-parsed unable-to-read failed-to-read fail-to-read failed-to-open refuse
  refused
file: file
model: model net network predictor
champion: champion champ winner production in-production best title-holder titleholder prod serving leading victor
  winning title crown on-top number-one first-place deploy deployed in-use front-runner frontrunner reigning go-to won
  leads is-live are-live who-leads strongest favourite favorite finest top-model top-ranked top-performing top-scoring
score: accurate precision precise recall score performance perform accuracy metric good well good-at how-good how-well
  doing-at quality-of accurately ranking rankings rank leaderboard scoreboard rated rating
train: train retrain learn learnt teach taught fit fed feed feeds nourished based based-on rest-on rests-on
compare: compare comparison versus vs better more-good gooder prefer preferable worse superior collate beat outperform
  good-more stack-up stacks-up measure-up measures-up outdo outdoes surpass surpasses exceed outclass win-against
  up-against hold-against
  wins-against head-to-head side-by-side weaker stronger inferior against relative-to in-comparison
difference: difference differ different deviate deviation diverge divergence change vary varies alter modify modified
  discrepancy distinction unlike new-in what-is-new diff dissimilar contrast what-is-other is-other was-other
  are-other added removed delta changelog change-log difference-between distinguishes sets-apart
drift: drift drifty shift stray weird odd strange unusual anomaly anomalies anomalous abnormal wander wandered
  depart-from
alarm: alarm alert warning
origin: lineage provenance origin trace source come-from comes-from came-from coming-from from-where where-from
  ancestry pedigree descent derive derivation stem beginning root parentage originate originates stems-from stem-from
  came-out-of come-out-of comes-out-of history come-about came-about how-was-made went-into goes-into built-from
  made-from made-of composed-of
similar: similar resemble resemblance likeness alike like look-like looks-like look-alike lookalike looking-like
  looking-same like-this same-as akin analogous close-to closest closest-to near nearest nearest-to neighbour
  neighbours neighbor neighbors twin twins duplicate duplicates near-duplicate near-duplicates same-like similar-as
  comparable kindred
stale: stale outdated obsolete out-of-date up-to-date up-to-speed outmoded superseded old-code too-old expired
  noncurrent not-current no-longer-current anew remake remade rebuild rebuilt recompute recalculate refresh redo
  redone renew regenerate compute-again computed-again make-again made-again do-again done-again disused made-new
  make-new renewed old old-stuff behind-the-times out-dated no-longer-valid not-valid brought-up-to-date
  bring-up-to-date out-of-sync invalidated updating need-updating needs-updating need-update need-an-update afresh
  from-scratch
update: update
cost: cost price pricy expensive expense how-long how-much-time time-go time-take time-takes take-long takes-long
  took-long need-long long-does duration runtime spend spent pay effort budget compute money disbursement toll
  disbursal slow slowest longest time-consuming running-time running-times run-time run-times runtimes lasts most-time
  the-most-time much-time time eat eats eating consume consumes burn burns hog hogs swallow swallows cheap cheaper
  cheapest fast slowness takes-so-long take-so-long so-long
step: step stage
run: run ran job execution execute pipeline what-was-done pipeline-run pipeline-runs run-history
newest: newest tail latest last recent lately new fresh incoming recent-data latest-data new-data incoming-data
  fresh-data
  current-data newest-data just-now latest-recordings recent-recordings new-recordings latest-sessions recent-sessions
reason: what-error which-error the-error reason cause ground why why-did why-was why-has why-is explanation explain
log: log output traceback stack-trace stacktrace error-message exception
table: table kinds-of-table kinds-of-tables sorts-of-tables types-of-tables
column: column col field attribute property properties schema structure layout
query: query queried queries
propose: asking-to-have asks-to-have asked-to-have wants-done want-done propose proposal suggest suggestion recommend
  recommendation motion advise proposition proffer
  proposed-change proposed-changes
approve: approve accept accepted accepted-or-rejected accepted-and-rejected approved-and-rejected decided closed
  approved-or-rejected approval decide decision sign-off consent
help: help get-moving moving-again going-again get-going get-unstuck remedy remedies solve mend cure fix repair
  unblock resolve recover rescue
ask: asked ask question enquiry enquiries inquiry inquiries enquire inquire call calls
tool: tool
ingest: ingest ready is-done finished complete progress ingestion intake take-in taken-in took-in taking-in import
  processed processing process go-through get-through got-through gone-through went-through landed arrive arrived
  loaded uploaded
make: make made
code: code
row: row
asset: asset result output artefact artifact
duty: on-call on-duty
task: task tasks
mask: mask
track: track
splat: splat
text: text
short: short
pass: pass passes passed passing green
age: how-old
clock: what-time-is-it the-time-is what-time
miss: miss missed
away: away asleep absent out-of-office
soft: soft
explain-what: what-happened happened happening
"""


def _read_groups() -> dict[tuple[str, ...], str]:
    said = {tuple(word.split("-")): "" for word in _FUNCTION_WORDS.split()}
    for line in _GROUPS.strip().replace("\n  ", " ").splitlines():
        meaning, words = line.split(":")
        said |= {tuple(word.split("-")): meaning for word in words.split()}
    return said


# words, one or several in a row -> what they stand for, "" for nothing
SAID = _read_groups()
LONGEST = max(map(len, SAID))
# words that mean something where both stand in a sentence
TOGETHER = {
    ("where", "from"): "origin",
    ("may", "use"): "licence",
    ("may", "used"): "licence",
    ("can", "use"): "licence",
    ("can", "used"): "licence",
    ("how", "doing"): "status",
    ("how", "far"): "status",
    ("how", "goes"): "status",
    ("how", "going"): "status",
    ("how", "look"): "status",
    ("how", "stands"): "status",
    ("did", "say"): "log",
    ("who", "got"): "export",
}
