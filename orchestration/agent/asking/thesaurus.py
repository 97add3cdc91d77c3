"""Words of one meaning, as people say them about a home, and words that tell nothing of what is asked.

Belongs here: the lists. Where a group is longer than what people here say, it follows the synonym sets of WordNet 3.1
(Princeton University). A dash stands for a space: "out-of-date" is found where these three words stand together.
"""

# articles, pronouns, auxiliaries, prepositions, courtesies, and verbs of telling, having and being
_FUNCTION_WORDS = """
a an the this that these those it its itself there here one ones some such same any anything all everything everyone
everybody anybody anyone something somebody someone nothing both other others another own
i me my mine we us our ours you your yours he she his her him they them their theirs people person persons guys folks team
am is are was were be been being do does did doing done have has had having having can could will would shall should may might
must let lets get gets got gotten getting go goes going gone come comes came become became want wants wanted wish need
needs needed like know knows knew think believe able s t ll ve re d m don doesn didn isn aren wasn
of in on at to for with by from into onto over under about through during within between among against as than out up off
down upon per via toward towards around along across behind beside besides concerning regarding respect
and or but nor if so because while when where how what which who whom whose why whether then thus also too only
just even still yet far so-far up-to-now until until-now till already now currently presently moment present once ever never again often really actually exactly
very quite rather pretty roughly approximately altogether overall together alone simply mere merely further please pls
plz kindly hey hi hello ok okay thanks thank yo sir dear
not no yes more less much many most least few several
show shows give gives tell tells list lists print display say says said state report name names present provide describe
see look looks find check-out speak mention enumerate read mean means matter concern
hold holds contain contains contained comprise comprises include includes included possess possesses keep keeps kept
store stores stored exist exists existing available belong belongs consist consists remain remains stay
thing things stuff item items kind-of sort-of lot lots bit way ways far long home system content contents information detail details inside outside data material present collection archive library set
put puts use used using involve involves produce produces produced deliver delivers delivered yield yields yielded
take takes took taken taking record recorded records collect collects collected gather gathers gathered acquire acquired obtain
obtained receive received appear appears appeared occur occurs occurred happen happens happened arise arises build built
would-like d-like should-like like-to i-like do-you-like
"""
# the first of a line stands for all
_GROUPS = """
count how-many how-much how-often how-frequently how-many-times frequency occurrences length number-of count counts counted counting number numbers amount amounts quantity total totals sum size sizes large big extent volume tally figure magnitude
each per every each by-session by-sensor session-by-session apiece respective individual broken-down breakdown
most the-most most-much more-than-all biggest largest greatest highest maximum max most-frames most-pictures most-images top
frame frame frames picture pictures image images photo photos photograph photographs photography snapshot snapshots pic pics shot shots imagery img imgs exposure
capture capture captures
session session sessions shoot shoots recording recordings recording-session recording-sessions
release release releases dataset datasets data-set data-sets
label label labels labelling labeling labelled labeled annotation annotations annotate annotated annotating mark marks marked tag tags tagged annot annots object objects instance instances
class class classes category categories kind kinds type types sort sorts
sensor sensor sensors camera cameras cam cams device devices equipment instrument instruments detector gear
part part parts split splits splitted splitting divide divided divides division partition partitions portion portions share shares section sections proportion proportions separate separated train-val-test
wait wait waits waiting pending open awaiting await awaits backlog left-to undecided unanswered outstanding
queue queue queued
status status state-of the-state its-state stand stands overview summary summarise summarize situation what-s-up sitrep going-on how-is-it health condition conditions standing
check check checks gate gates control controls quality criterion criteria claim claims
fail fail fails failed failing failure failures broke broken break breaks wrong crash crashes crashed crashing error errors err abort aborted unsuccessful unsuccessfully not-pass not-passed not-successful not-hold not-good go-wrong went-wrong gone-wrong problem problems trouble troubles issue issues bad badly violate violates violated violation malfunction misfire red fault faults amiss
held held-back hold-back hold-up held block blocked blocks blocking withhold withheld
quarantine quarantine quarantined unread unreadable corrupt corrupted damaged damage defective reject rejected unusable not-read set-aside put-aside lost lose could-not-be-read could-not-read cannot-be-read can-not-be-read can-not-read cannot-read could-not-be-opened can-not-be-opened could-not-open illegible undecipherable indecipherable garbled spoiled spoilt
file file files
model model models net nets network networks predictor predictors
champion champion champions champ winner winners production in-production best title-holder titleholder prod serving leading
score score scores performance perform performs performing accuracy metric metrics good well good-at how-good how-well doing-at quality-of
train train trains trained training retrain retraining learn learns learnt learned learning teach taught fit fitted
compare compare compares compared comparing comparison versus vs better more-good gooder prefer preferable worse superior collate beat beats outperform
difference difference differences differ differs different deviate deviates deviation diverge diverges divergence change changes changed changing vary varies alter altered modify modified discrepancy distinction unlike new-in what-is-new diff dissimilar contrast
drift drift drifts drifted drifting drifty shift shifts shifted shifting stray
alarm alarm alarms alert alerts warning warnings
origin lineage lineage provenance origin origins trace traces traced source come-from comes-from came-from coming-from from-where where-from ancestry pedigree descent derive derived derivation stem stems
similar similar resemble resembles resembling resemblance likeness alike like look-like looks-like look-alike lookalike lookalikes looking-like looking-same like-this same-as akin analogous
stale stale outdated obsolete out-of-date up-to-date up-to-speed outmoded superseded old-code too-old expired noncurrent not-current no-longer-current anew remake remade rebuild rebuilt rebuilding recompute recomputed recomputing recalculate recalculated refresh refreshed redo redone redoing renew renewed regenerate compute-again computed-again make-again made-again do-again done-again
update update updated updates
cost cost costs costing price prices pricy expensive expense expenses costly how-long how-much-time time-go time-take time-takes take-long takes-long took-long need-long long-does duration durations runtime runtimes spend spends spending spent pay effort budget compute computing money disbursement
step step steps stage stages
run run runs ran running job jobs execution executions executed execute pipeline
newest newest latest last recent recently lately new fresh incoming
reason reason reasons cause causes caused causing ground grounds why-did why-was why-has why-is explanation explain
log log logs logged output
table table tables
column column columns col cols field fields attribute attributes property properties
query query queried queries
propose propose proposes proposed proposal proposals suggest suggests suggested suggestion suggestions recommend recommends recommended recommendation recommendations motion advise advised
approve approve approval approvals approving decide decides decision sign-off consent
ask ask asks asked asking question questions enquiry enquiries inquiry inquiries enquire inquire call calls
tool tool tools
ingest ingest ready is-done finished complete completed progress ingested ingestion intake take-in taken-in took-in taking-in import imported
make make makes made making
code code
row row rows
asset asset assets
explain-what what-happened
"""


def _read_groups() -> dict[tuple[str, ...], str]:
    lines = [line.split() for line in _GROUPS.strip().splitlines()]
    said = {tuple(w.split("-")): line[0] for line in lines for w in line[1:] or line}
    return {tuple(w.split("-")): "" for w in _FUNCTION_WORDS.split()} | said


SAID = (
    _read_groups()
)  # words, one or several in a row -> what they stand for, "" for nothing
LONGEST = max(map(len, SAID))
# words that mean something where both stand in a sentence
TOGETHER = {("where", "from"): "origin"}
# what begins with one is an order, and those are not carried out
ORDERS = frozenset(
    """approve delete drop erase export forget ignore ingest install kill make move pretend promote put reject
    remove rename reset retrain roll send start stop upload wipe write translate buy cook destroy""".split()
)
# and with one of these where what follows says of what
MAYBE_ORDERS = frozenset(
    "change copy execute label mark open close run train turn update".split()
)
DETERMINERS = frozenset(
    "a an the this that these those all every each my our your me it them".split()
)
# what may stand before an order
COURTESIES = frozenset(
    "please pls plz kindly can could would will you just now hey hi so ok okay then i we want need to go and at once".split()
)
