# Made by tests/lib/make-laws from the tables in tests/lib/laws.bash; do not edit.
# shellcheck shell=bash disable=SC2154,SC2317

load helper
load lib/laws

setup_file() { laws_setup; }

@test "this file is what make-laws prints" { diff <("$LIB/make-laws") "$BATS_TEST_FILENAME"; }

@test "every tool has a row" { tools_have_rows; }

@test "law 1: members pass unchanged: train" { law_members train; }
@test "law 1: members pass unchanged: trace" { law_members trace; }
@test "law 1: members pass unchanged: selfinf" { law_members selfinf; }
@test "law 1: members pass unchanged: kfac" { law_members kfac; }
@test "law 1: members pass unchanged: density" { law_members density; }
@test "law 1: members pass unchanged: knn" { law_members knn; }
@test "law 1: members pass unchanged: copies" { law_members copies; }
@test "law 1: members pass unchanged: against" { law_members against; }
@test "law 1: members pass unchanged: testinf" { law_members testinf; }
@test "law 1: members pass unchanged: over" { law_members over; }
@test "law 1: members pass unchanged: nearest" { law_members nearest; }
@test "law 1: members pass unchanged: stat" { law_members stat; }
@test "law 1: members pass unchanged: reasons" { law_members reasons; }
@test "law 1: members pass unchanged: memo" { law_members memo; }
@test "law 1: members pass unchanged: rank" { law_members rank; }
@test "law 1: members pass unchanged: sort" { law_members sort; }
@test "law 1: members pass unchanged: ref" { law_members ref; }
@test "law 1: members pass unchanged: joint" { law_members joint; }
@test "law 1: members pass unchanged: unlike" { law_members unlike; }
@test "law 1: members pass unchanged: learn" { law_members learn; }
@test "law 1: members pass unchanged: drop" { law_members drop; }
@test "law 1: members pass unchanged: guard" { law_members guard; }
@test "law 1: members pass unchanged: first" { law_members first; }
@test "law 1: members pass unchanged: mark" { law_members mark; }
@test "law 1: members pass unchanged: bend" { law_members bend; }
@test "law 1: members pass unchanged: loss" { law_members loss; }
@test "law 1: members pass unchanged: logp" { law_members logp; }
@test "law 1: members pass unchanged: json" { law_members json; }
@test "law 1: tars of other programs pass unchanged: train" { law_formats train; }
@test "law 1: tars of other programs pass unchanged: trace" { law_formats trace; }
@test "law 1: tars of other programs pass unchanged: selfinf" { law_formats selfinf; }
@test "law 1: tars of other programs pass unchanged: kfac" { law_formats kfac; }
@test "law 1: tars of other programs pass unchanged: density" { law_formats density; }
@test "law 1: tars of other programs pass unchanged: knn" { law_formats knn; }
@test "law 1: tars of other programs pass unchanged: copies" { law_formats copies; }
@test "law 1: tars of other programs pass unchanged: against" { law_formats against; }
@test "law 1: tars of other programs pass unchanged: testinf" { law_formats testinf; }
@test "law 1: tars of other programs pass unchanged: over" { law_formats over; }
@test "law 1: tars of other programs pass unchanged: nearest" { law_formats nearest; }
@test "law 1: tars of other programs pass unchanged: stat" { law_formats stat; }
@test "law 1: tars of other programs pass unchanged: reasons" { law_formats reasons; }
@test "law 1: tars of other programs pass unchanged: memo" { law_formats memo; }
@test "law 1: tars of other programs pass unchanged: rank" { law_formats rank; }
@test "law 1: tars of other programs pass unchanged: sort" { law_formats sort; }
@test "law 1: tars of other programs pass unchanged: ref" { law_formats ref; }
@test "law 1: tars of other programs pass unchanged: joint" { law_formats joint; }
@test "law 1: tars of other programs pass unchanged: unlike" { law_formats unlike; }
@test "law 1: tars of other programs pass unchanged: learn" { law_formats learn; }
@test "law 1: tars of other programs pass unchanged: drop" { law_formats drop; }
@test "law 1: tars of other programs pass unchanged: guard" { law_formats guard; }
@test "law 1: tars of other programs pass unchanged: first" { law_formats first; }
@test "law 1: tars of other programs pass unchanged: mark" { law_formats mark; }
@test "law 1: tars of other programs pass unchanged: bend" { law_formats bend; }
@test "law 1: tars of other programs pass unchanged: loss" { law_formats loss; }
@test "law 1: tars of other programs pass unchanged: logp" { law_formats logp; }
@test "law 1: tars of other programs pass unchanged: json" { law_formats json; }
@test "law 1: a second pass changes nothing: train" { law_again train; }
@test "law 1: a second pass changes nothing: trace" { law_again trace; }
@test "law 1: a second pass changes nothing: selfinf" { law_again selfinf; }
@test "law 1: a second pass changes nothing: kfac" { law_again kfac; }
@test "law 1: a second pass changes nothing: density" { law_again density; }
@test "law 1: a second pass changes nothing: knn" { law_again knn; }
@test "law 1: a second pass changes nothing: copies" { law_again copies; }
@test "law 1: a second pass changes nothing: against" { law_again against; }
@test "law 1: a second pass changes nothing: testinf" { law_again testinf; }
@test "law 1: a second pass changes nothing: over" { law_again over; }
@test "law 1: a second pass changes nothing: nearest" { law_again nearest; }
@test "law 1: a second pass changes nothing: stat" { law_again stat; }
@test "law 1: a second pass changes nothing: reasons" { law_again reasons; }
@test "law 1: a second pass changes nothing: memo" { law_again memo; }
@test "law 1: a second pass changes nothing: rank" { law_again rank; }
@test "law 1: a second pass changes nothing: sort" { law_again sort; }
@test "law 1: a second pass changes nothing: ref" { law_again ref; }
@test "law 1: a second pass changes nothing: joint" { law_again joint; }
@test "law 1: a second pass changes nothing: unlike" { law_again unlike; }
@test "law 1: a second pass changes nothing: learn" { law_again learn; }
@test "law 1: a second pass changes nothing: drop" { law_again drop; }
@test "law 1: a second pass changes nothing: guard" { law_again guard; }
@test "law 1: a second pass changes nothing: first" { law_again first; }
@test "law 1: a second pass changes nothing: mark" { law_again mark; }
@test "law 1: a second pass changes nothing: bend" { law_again bend; }
@test "law 1: a second pass changes nothing: loss" { law_again loss; }
@test "law 1: a second pass changes nothing: logp" { law_again logp; }
@test "law 1: a second pass changes nothing: json" { law_again json; }
@test "law 2: compressed input: train" { law_compressed train; }
@test "law 2: compressed input: trace" { law_compressed trace; }
@test "law 2: compressed input: selfinf" { law_compressed selfinf; }
@test "law 2: compressed input: kfac" { law_compressed kfac; }
@test "law 2: compressed input: density" { law_compressed density; }
@test "law 2: compressed input: knn" { law_compressed knn; }
@test "law 2: compressed input: copies" { law_compressed copies; }
@test "law 2: compressed input: against" { law_compressed against; }
@test "law 2: compressed input: testinf" { law_compressed testinf; }
@test "law 2: compressed input: over" { law_compressed over; }
@test "law 2: compressed input: nearest" { law_compressed nearest; }
@test "law 2: compressed input: stat" { law_compressed stat; }
@test "law 2: compressed input: reasons" { law_compressed reasons; }
@test "law 2: compressed input: memo" { law_compressed memo; }
@test "law 2: compressed input: rank" { law_compressed rank; }
@test "law 2: compressed input: sort" { law_compressed sort; }
@test "law 2: compressed input: ref" { law_compressed ref; }
@test "law 2: compressed input: joint" { law_compressed joint; }
@test "law 2: compressed input: unlike" { law_compressed unlike; }
@test "law 2: compressed input: learn" { law_compressed learn; }
@test "law 2: compressed input: drop" { law_compressed drop; }
@test "law 2: compressed input: guard" { law_compressed guard; }
@test "law 2: compressed input: first" { law_compressed first; }
@test "law 2: compressed input: mark" { law_compressed mark; }
@test "law 2: compressed input: cut" { law_compressed cut; }
@test "law 2: compressed input: eval" { law_compressed eval; }
@test "law 2: compressed input: spread" { law_compressed spread; }
@test "law 2: compressed input: pairs" { law_compressed pairs; }
@test "law 2: compressed input: report" { law_compressed report; }
@test "law 2: compressed input: review" { law_compressed review; }
@test "law 2: compressed input: bend" { law_compressed bend; }
@test "law 2: compressed input: loss" { law_compressed loss; }
@test "law 2: compressed input: logp" { law_compressed logp; }
@test "law 2: compressed input: json" { law_compressed json; }
@test "law 2: compressed input: jsoncut" { law_compressed jsoncut; }
@test "law 2: concatenated input and several FILEs: train" { law_joined train; }
@test "law 2: concatenated input and several FILEs: trace" { law_joined trace; }
@test "law 2: concatenated input and several FILEs: selfinf" { law_joined selfinf; }
@test "law 2: concatenated input and several FILEs: kfac" { law_joined kfac; }
@test "law 2: concatenated input and several FILEs: density" { law_joined density; }
@test "law 2: concatenated input and several FILEs: knn" { law_joined knn; }
@test "law 2: concatenated input and several FILEs: copies" { law_joined copies; }
@test "law 2: concatenated input and several FILEs: against" { law_joined against; }
@test "law 2: concatenated input and several FILEs: testinf" { law_joined testinf; }
@test "law 2: concatenated input and several FILEs: over" { law_joined over; }
@test "law 2: concatenated input and several FILEs: nearest" { law_joined nearest; }
@test "law 2: concatenated input and several FILEs: stat" { law_joined stat; }
@test "law 2: concatenated input and several FILEs: reasons" { law_joined reasons; }
@test "law 2: concatenated input and several FILEs: memo" { law_joined memo; }
@test "law 2: concatenated input and several FILEs: rank" { law_joined rank; }
@test "law 2: concatenated input and several FILEs: sort" { law_joined sort; }
@test "law 2: concatenated input and several FILEs: ref" { law_joined ref; }
@test "law 2: concatenated input and several FILEs: joint" { law_joined joint; }
@test "law 2: concatenated input and several FILEs: unlike" { law_joined unlike; }
@test "law 2: concatenated input and several FILEs: learn" { law_joined learn; }
@test "law 2: concatenated input and several FILEs: drop" { law_joined drop; }
@test "law 2: concatenated input and several FILEs: guard" { law_joined guard; }
@test "law 2: concatenated input and several FILEs: first" { law_joined first; }
@test "law 2: concatenated input and several FILEs: mark" { law_joined mark; }
@test "law 2: concatenated input and several FILEs: cut" { law_joined cut; }
@test "law 2: concatenated input and several FILEs: eval" { law_joined eval; }
@test "law 2: concatenated input and several FILEs: spread" { law_joined spread; }
@test "law 2: concatenated input and several FILEs: pairs" { law_joined pairs; }
@test "law 2: concatenated input and several FILEs: report" { law_joined report; }
@test "law 2: concatenated input and several FILEs: review" { law_joined review; }
@test "law 2: concatenated input and several FILEs: bend" { law_joined bend; }
@test "law 2: concatenated input and several FILEs: loss" { law_joined loss; }
@test "law 2: concatenated input and several FILEs: logp" { law_joined logp; }
@test "law 2: concatenated input and several FILEs: json" { law_joined json; }
@test "law 2: concatenated input and several FILEs: jsoncut" { law_joined jsoncut; }
@test "law 2: -z: train" { law_zstd train; }
@test "law 2: -z: trace" { law_zstd trace; }
@test "law 2: -z: selfinf" { law_zstd selfinf; }
@test "law 2: -z: kfac" { law_zstd kfac; }
@test "law 2: -z: density" { law_zstd density; }
@test "law 2: -z: knn" { law_zstd knn; }
@test "law 2: -z: copies" { law_zstd copies; }
@test "law 2: -z: against" { law_zstd against; }
@test "law 2: -z: parts" { law_zstd parts; }
@test "law 2: -z: testinf" { law_zstd testinf; }
@test "law 2: -z: over" { law_zstd over; }
@test "law 2: -z: nearest" { law_zstd nearest; }
@test "law 2: -z: stat" { law_zstd stat; }
@test "law 2: -z: reasons" { law_zstd reasons; }
@test "law 2: -z: memo" { law_zstd memo; }
@test "law 2: -z: rank" { law_zstd rank; }
@test "law 2: -z: sort" { law_zstd sort; }
@test "law 2: -z: ref" { law_zstd ref; }
@test "law 2: -z: joint" { law_zstd joint; }
@test "law 2: -z: unlike" { law_zstd unlike; }
@test "law 2: -z: learn" { law_zstd learn; }
@test "law 2: -z: drop" { law_zstd drop; }
@test "law 2: -z: guard" { law_zstd guard; }
@test "law 2: -z: first" { law_zstd first; }
@test "law 2: -z: mark" { law_zstd mark; }
@test "law 2: -z: bend" { law_zstd bend; }
@test "law 2: -z: loss" { law_zstd loss; }
@test "law 2: -z: logp" { law_zstd logp; }
@test "law 2: -z: pack" { law_zstd pack; }
@test "law 2: -z: table" { law_zstd table; }
@test "law 2: -z: columns" { law_zstd columns; }
@test "law 2: -z: folder" { law_zstd folder; }
@test "law 2: -z: archive" { law_zstd archive; }
@test "law 2: -z: json" { law_zstd json; }
@test "law 3: every truncated input fails: train" { law_prefixes train; }
@test "law 3: every truncated input fails: trace" { law_prefixes trace; }
@test "law 3: every truncated input fails: selfinf" { law_prefixes selfinf; }
@test "law 3: every truncated input fails: kfac" { law_prefixes kfac; }
@test "law 3: every truncated input fails: density" { law_prefixes density; }
@test "law 3: every truncated input fails: knn" { law_prefixes knn; }
@test "law 3: every truncated input fails: copies" { law_prefixes copies; }
@test "law 3: every truncated input fails: against" { law_prefixes against; }
@test "law 3: every truncated input fails: testinf" { law_prefixes testinf; }
@test "law 3: every truncated input fails: over" { law_prefixes over; }
@test "law 3: every truncated input fails: nearest" { law_prefixes nearest; }
@test "law 3: every truncated input fails: stat" { law_prefixes stat; }
@test "law 3: every truncated input fails: reasons" { law_prefixes reasons; }
@test "law 3: every truncated input fails: memo" { law_prefixes memo; }
@test "law 3: every truncated input fails: rank" { law_prefixes rank; }
@test "law 3: every truncated input fails: sort" { law_prefixes sort; }
@test "law 3: every truncated input fails: ref" { law_prefixes ref; }
@test "law 3: every truncated input fails: joint" { law_prefixes joint; }
@test "law 3: every truncated input fails: unlike" { law_prefixes unlike; }
@test "law 3: every truncated input fails: learn" { law_prefixes learn; }
@test "law 3: every truncated input fails: drop" { law_prefixes drop; }
@test "law 3: every truncated input fails: guard" { law_prefixes guard; }
@test "law 3: every truncated input fails: first" { law_prefixes first; }
@test "law 3: every truncated input fails: mark" { law_prefixes mark; }
@test "law 3: every truncated input fails: cut" { law_prefixes cut; }
@test "law 3: every truncated input fails: eval" { law_prefixes eval; }
@test "law 3: every truncated input fails: spread" { law_prefixes spread; }
@test "law 3: every truncated input fails: pairs" { law_prefixes pairs; }
@test "law 3: every truncated input fails: report" { law_prefixes report; }
@test "law 3: every truncated input fails: review" { law_prefixes review; }
@test "law 3: every truncated input fails: bend" { law_prefixes bend; }
@test "law 3: every truncated input fails: loss" { law_prefixes loss; }
@test "law 3: every truncated input fails: logp" { law_prefixes logp; }
@test "law 3: every truncated input fails: json" { law_prefixes json; }
@test "law 3: every truncated input fails: jsoncut" { law_prefixes jsoncut; }
@test "law 3: a failure makes the next tool fail: train" { law_travels train; }
@test "law 3: a failure makes the next tool fail: trace" { law_travels trace; }
@test "law 3: a failure makes the next tool fail: selfinf" { law_travels selfinf; }
@test "law 3: a failure makes the next tool fail: kfac" { law_travels kfac; }
@test "law 3: a failure makes the next tool fail: density" { law_travels density; }
@test "law 3: a failure makes the next tool fail: knn" { law_travels knn; }
@test "law 3: a failure makes the next tool fail: copies" { law_travels copies; }
@test "law 3: a failure makes the next tool fail: against" { law_travels against; }
@test "law 3: a failure makes the next tool fail: testinf" { law_travels testinf; }
@test "law 3: a failure makes the next tool fail: over" { law_travels over; }
@test "law 3: a failure makes the next tool fail: nearest" { law_travels nearest; }
@test "law 3: a failure makes the next tool fail: stat" { law_travels stat; }
@test "law 3: a failure makes the next tool fail: reasons" { law_travels reasons; }
@test "law 3: a failure makes the next tool fail: memo" { law_travels memo; }
@test "law 3: a failure makes the next tool fail: rank" { law_travels rank; }
@test "law 3: a failure makes the next tool fail: sort" { law_travels sort; }
@test "law 3: a failure makes the next tool fail: ref" { law_travels ref; }
@test "law 3: a failure makes the next tool fail: joint" { law_travels joint; }
@test "law 3: a failure makes the next tool fail: unlike" { law_travels unlike; }
@test "law 3: a failure makes the next tool fail: learn" { law_travels learn; }
@test "law 3: a failure makes the next tool fail: drop" { law_travels drop; }
@test "law 3: a failure makes the next tool fail: guard" { law_travels guard; }
@test "law 3: a failure makes the next tool fail: first" { law_travels first; }
@test "law 3: a failure makes the next tool fail: mark" { law_travels mark; }
@test "law 3: a failure makes the next tool fail: bend" { law_travels bend; }
@test "law 3: a failure makes the next tool fail: loss" { law_travels loss; }
@test "law 3: a failure makes the next tool fail: logp" { law_travels logp; }
@test "law 3: a failure makes the next tool fail: json" { law_travels json; }
@test "law 3: a failure leaves no new files, and old ones as they were: train" { law_old_files train; }
@test "law 3: a failure leaves no new files, and old ones as they were: trace" { law_old_files trace; }
@test "law 3: a failure leaves no new files, and old ones as they were: selfinf" { law_old_files selfinf; }
@test "law 3: a failure leaves no new files, and old ones as they were: kfac" { law_old_files kfac; }
@test "law 3: a failure leaves no new files, and old ones as they were: density" { law_old_files density; }
@test "law 3: a failure leaves no new files, and old ones as they were: knn" { law_old_files knn; }
@test "law 3: a failure leaves no new files, and old ones as they were: copies" { law_old_files copies; }
@test "law 3: a failure leaves no new files, and old ones as they were: against" { law_old_files against; }
@test "law 3: a failure leaves no new files, and old ones as they were: testinf" { law_old_files testinf; }
@test "law 3: a failure leaves no new files, and old ones as they were: over" { law_old_files over; }
@test "law 3: a failure leaves no new files, and old ones as they were: nearest" { law_old_files nearest; }
@test "law 3: a failure leaves no new files, and old ones as they were: stat" { law_old_files stat; }
@test "law 3: a failure leaves no new files, and old ones as they were: reasons" { law_old_files reasons; }
@test "law 3: a failure leaves no new files, and old ones as they were: memo" { law_old_files memo; }
@test "law 3: a failure leaves no new files, and old ones as they were: rank" { law_old_files rank; }
@test "law 3: a failure leaves no new files, and old ones as they were: sort" { law_old_files sort; }
@test "law 3: a failure leaves no new files, and old ones as they were: ref" { law_old_files ref; }
@test "law 3: a failure leaves no new files, and old ones as they were: joint" { law_old_files joint; }
@test "law 3: a failure leaves no new files, and old ones as they were: unlike" { law_old_files unlike; }
@test "law 3: a failure leaves no new files, and old ones as they were: learn" { law_old_files learn; }
@test "law 3: a failure leaves no new files, and old ones as they were: drop" { law_old_files drop; }
@test "law 3: a failure leaves no new files, and old ones as they were: guard" { law_old_files guard; }
@test "law 3: a failure leaves no new files, and old ones as they were: first" { law_old_files first; }
@test "law 3: a failure leaves no new files, and old ones as they were: mark" { law_old_files mark; }
@test "law 3: a failure leaves no new files, and old ones as they were: bend" { law_old_files bend; }
@test "law 3: a failure leaves no new files, and old ones as they were: loss" { law_old_files loss; }
@test "law 3: a failure leaves no new files, and old ones as they were: logp" { law_old_files logp; }
@test "law 3: a failure leaves no new files, and old ones as they were: json" { law_old_files json; }
@test "law 3: a file that changes between two passes: train" { law_changed train; }
@test "law 3: a file that changes between two passes: trace" { law_changed trace; }
@test "law 3: a file that changes between two passes: density" { law_changed density; }
@test "law 3: a file that changes between two passes: knn" { law_changed knn; }
@test "law 3: a file that changes between two passes: copies" { law_changed copies; }
@test "law 3: a file that changes between two passes: nearest" { law_changed nearest; }
@test "law 3: a file that changes between two passes: reasons" { law_changed reasons; }
@test "law 3: a file that changes between two passes: memo" { law_changed memo; }
@test "law 3: a file that changes between two passes: rank" { law_changed rank; }
@test "law 3: a file that changes between two passes: sort" { law_changed sort; }
@test "law 3: a file that changes between two passes: joint" { law_changed joint; }
@test "law 3: a file that changes between two passes: learn" { law_changed learn; }
@test "law 3: a file that changes between two passes: guard" { law_changed guard; }
@test "law 3: a file that changes between two passes: review" { law_changed review; }
@test "law 4: a full device: train" { law_full train; }
@test "law 4: a full device: trace" { law_full trace; }
@test "law 4: a full device: selfinf" { law_full selfinf; }
@test "law 4: a full device: kfac" { law_full kfac; }
@test "law 4: a full device: density" { law_full density; }
@test "law 4: a full device: knn" { law_full knn; }
@test "law 4: a full device: copies" { law_full copies; }
@test "law 4: a full device: against" { law_full against; }
@test "law 4: a full device: parts" { law_full parts; }
@test "law 4: a full device: testinf" { law_full testinf; }
@test "law 4: a full device: over" { law_full over; }
@test "law 4: a full device: nearest" { law_full nearest; }
@test "law 4: a full device: stat" { law_full stat; }
@test "law 4: a full device: reasons" { law_full reasons; }
@test "law 4: a full device: memo" { law_full memo; }
@test "law 4: a full device: rank" { law_full rank; }
@test "law 4: a full device: sort" { law_full sort; }
@test "law 4: a full device: ref" { law_full ref; }
@test "law 4: a full device: joint" { law_full joint; }
@test "law 4: a full device: unlike" { law_full unlike; }
@test "law 4: a full device: learn" { law_full learn; }
@test "law 4: a full device: drop" { law_full drop; }
@test "law 4: a full device: guard" { law_full guard; }
@test "law 4: a full device: first" { law_full first; }
@test "law 4: a full device: mark" { law_full mark; }
@test "law 4: a full device: cut" { law_full cut; }
@test "law 4: a full device: eval" { law_full eval; }
@test "law 4: a full device: spread" { law_full spread; }
@test "law 4: a full device: pairs" { law_full pairs; }
@test "law 4: a full device: report" { law_full report; }
@test "law 4: a full device: review" { law_full review; }
@test "law 4: a full device: ckpt" { law_full ckpt; }
@test "law 4: a full device: bend" { law_full bend; }
@test "law 4: a full device: loss" { law_full loss; }
@test "law 4: a full device: logp" { law_full logp; }
@test "law 4: a full device: clean" { law_full clean; }
@test "law 4: a full device: shards" { law_full shards; }
@test "law 4: a full device: pack" { law_full pack; }
@test "law 4: a full device: table" { law_full table; }
@test "law 4: a full device: columns" { law_full columns; }
@test "law 4: a full device: folder" { law_full folder; }
@test "law 4: a full device: archive" { law_full archive; }
@test "law 4: a full device: json" { law_full json; }
@test "law 4: a full device: jsoncut" { law_full jsoncut; }
@test "law 4: a reader that leaves: train" { law_sigpipe train; }
@test "law 4: a reader that leaves: trace" { law_sigpipe trace; }
@test "law 4: a reader that leaves: selfinf" { law_sigpipe selfinf; }
@test "law 4: a reader that leaves: kfac" { law_sigpipe kfac; }
@test "law 4: a reader that leaves: density" { law_sigpipe density; }
@test "law 4: a reader that leaves: knn" { law_sigpipe knn; }
@test "law 4: a reader that leaves: copies" { law_sigpipe copies; }
@test "law 4: a reader that leaves: against" { law_sigpipe against; }
@test "law 4: a reader that leaves: parts" { law_sigpipe parts; }
@test "law 4: a reader that leaves: testinf" { law_sigpipe testinf; }
@test "law 4: a reader that leaves: over" { law_sigpipe over; }
@test "law 4: a reader that leaves: nearest" { law_sigpipe nearest; }
@test "law 4: a reader that leaves: stat" { law_sigpipe stat; }
@test "law 4: a reader that leaves: reasons" { law_sigpipe reasons; }
@test "law 4: a reader that leaves: memo" { law_sigpipe memo; }
@test "law 4: a reader that leaves: rank" { law_sigpipe rank; }
@test "law 4: a reader that leaves: sort" { law_sigpipe sort; }
@test "law 4: a reader that leaves: ref" { law_sigpipe ref; }
@test "law 4: a reader that leaves: joint" { law_sigpipe joint; }
@test "law 4: a reader that leaves: unlike" { law_sigpipe unlike; }
@test "law 4: a reader that leaves: learn" { law_sigpipe learn; }
@test "law 4: a reader that leaves: drop" { law_sigpipe drop; }
@test "law 4: a reader that leaves: guard" { law_sigpipe guard; }
@test "law 4: a reader that leaves: first" { law_sigpipe first; }
@test "law 4: a reader that leaves: mark" { law_sigpipe mark; }
@test "law 4: a reader that leaves: bend" { law_sigpipe bend; }
@test "law 4: a reader that leaves: loss" { law_sigpipe loss; }
@test "law 4: a reader that leaves: logp" { law_sigpipe logp; }
@test "law 4: a reader that leaves: pack" { law_sigpipe pack; }
@test "law 4: a reader that leaves: table" { law_sigpipe table; }
@test "law 4: a reader that leaves: columns" { law_sigpipe columns; }
@test "law 4: a reader that leaves: folder" { law_sigpipe folder; }
@test "law 4: a reader that leaves: archive" { law_sigpipe archive; }
@test "law 4: a reader that leaves: json" { law_sigpipe json; }
@test "law 4: closed descriptors: train" { law_closed train; }
@test "law 4: closed descriptors: trace" { law_closed trace; }
@test "law 4: closed descriptors: selfinf" { law_closed selfinf; }
@test "law 4: closed descriptors: kfac" { law_closed kfac; }
@test "law 4: closed descriptors: density" { law_closed density; }
@test "law 4: closed descriptors: knn" { law_closed knn; }
@test "law 4: closed descriptors: copies" { law_closed copies; }
@test "law 4: closed descriptors: against" { law_closed against; }
@test "law 4: closed descriptors: parts" { law_closed parts; }
@test "law 4: closed descriptors: testinf" { law_closed testinf; }
@test "law 4: closed descriptors: over" { law_closed over; }
@test "law 4: closed descriptors: nearest" { law_closed nearest; }
@test "law 4: closed descriptors: stat" { law_closed stat; }
@test "law 4: closed descriptors: reasons" { law_closed reasons; }
@test "law 4: closed descriptors: memo" { law_closed memo; }
@test "law 4: closed descriptors: rank" { law_closed rank; }
@test "law 4: closed descriptors: sort" { law_closed sort; }
@test "law 4: closed descriptors: ref" { law_closed ref; }
@test "law 4: closed descriptors: joint" { law_closed joint; }
@test "law 4: closed descriptors: unlike" { law_closed unlike; }
@test "law 4: closed descriptors: learn" { law_closed learn; }
@test "law 4: closed descriptors: drop" { law_closed drop; }
@test "law 4: closed descriptors: guard" { law_closed guard; }
@test "law 4: closed descriptors: first" { law_closed first; }
@test "law 4: closed descriptors: mark" { law_closed mark; }
@test "law 4: closed descriptors: cut" { law_closed cut; }
@test "law 4: closed descriptors: eval" { law_closed eval; }
@test "law 4: closed descriptors: spread" { law_closed spread; }
@test "law 4: closed descriptors: pairs" { law_closed pairs; }
@test "law 4: closed descriptors: report" { law_closed report; }
@test "law 4: closed descriptors: review" { law_closed review; }
@test "law 4: closed descriptors: ckpt" { law_closed ckpt; }
@test "law 4: closed descriptors: bend" { law_closed bend; }
@test "law 4: closed descriptors: loss" { law_closed loss; }
@test "law 4: closed descriptors: logp" { law_closed logp; }
@test "law 4: closed descriptors: clean" { law_closed clean; }
@test "law 4: closed descriptors: shards" { law_closed shards; }
@test "law 4: closed descriptors: pack" { law_closed pack; }
@test "law 4: closed descriptors: table" { law_closed table; }
@test "law 4: closed descriptors: columns" { law_closed columns; }
@test "law 4: closed descriptors: folder" { law_closed folder; }
@test "law 4: closed descriptors: archive" { law_closed archive; }
@test "law 4: closed descriptors: json" { law_closed json; }
@test "law 4: closed descriptors: jsoncut" { law_closed jsoncut; }
@test "law 4: a limit on file sizes: train" { law_file_limit train; }
@test "law 4: a limit on file sizes: trace" { law_file_limit trace; }
@test "law 4: a limit on file sizes: selfinf" { law_file_limit selfinf; }
@test "law 4: a limit on file sizes: kfac" { law_file_limit kfac; }
@test "law 4: a limit on file sizes: density" { law_file_limit density; }
@test "law 4: a limit on file sizes: knn" { law_file_limit knn; }
@test "law 4: a limit on file sizes: copies" { law_file_limit copies; }
@test "law 4: a limit on file sizes: against" { law_file_limit against; }
@test "law 4: a limit on file sizes: parts" { law_file_limit parts; }
@test "law 4: a limit on file sizes: testinf" { law_file_limit testinf; }
@test "law 4: a limit on file sizes: over" { law_file_limit over; }
@test "law 4: a limit on file sizes: nearest" { law_file_limit nearest; }
@test "law 4: a limit on file sizes: stat" { law_file_limit stat; }
@test "law 4: a limit on file sizes: reasons" { law_file_limit reasons; }
@test "law 4: a limit on file sizes: memo" { law_file_limit memo; }
@test "law 4: a limit on file sizes: rank" { law_file_limit rank; }
@test "law 4: a limit on file sizes: sort" { law_file_limit sort; }
@test "law 4: a limit on file sizes: ref" { law_file_limit ref; }
@test "law 4: a limit on file sizes: joint" { law_file_limit joint; }
@test "law 4: a limit on file sizes: unlike" { law_file_limit unlike; }
@test "law 4: a limit on file sizes: learn" { law_file_limit learn; }
@test "law 4: a limit on file sizes: drop" { law_file_limit drop; }
@test "law 4: a limit on file sizes: guard" { law_file_limit guard; }
@test "law 4: a limit on file sizes: first" { law_file_limit first; }
@test "law 4: a limit on file sizes: mark" { law_file_limit mark; }
@test "law 4: a limit on file sizes: bend" { law_file_limit bend; }
@test "law 4: a limit on file sizes: loss" { law_file_limit loss; }
@test "law 4: a limit on file sizes: logp" { law_file_limit logp; }
@test "law 4: a limit on file sizes: pack" { law_file_limit pack; }
@test "law 4: a limit on file sizes: table" { law_file_limit table; }
@test "law 4: a limit on file sizes: columns" { law_file_limit columns; }
@test "law 4: a limit on file sizes: folder" { law_file_limit folder; }
@test "law 4: a limit on file sizes: archive" { law_file_limit archive; }
@test "law 4: a limit on file sizes: json" { law_file_limit json; }
@test "law 4: a spool that does not fit: train" { law_spool_full train; }
@test "law 4: a spool that does not fit: trace" { law_spool_full trace; }
@test "law 4: a spool that does not fit: density" { law_spool_full density; }
@test "law 4: a spool that does not fit: knn" { law_spool_full knn; }
@test "law 4: a spool that does not fit: copies" { law_spool_full copies; }
@test "law 4: a spool that does not fit: nearest" { law_spool_full nearest; }
@test "law 4: a spool that does not fit: reasons" { law_spool_full reasons; }
@test "law 4: a spool that does not fit: memo" { law_spool_full memo; }
@test "law 4: a spool that does not fit: rank" { law_spool_full rank; }
@test "law 4: a spool that does not fit: sort" { law_spool_full sort; }
@test "law 4: a spool that does not fit: joint" { law_spool_full joint; }
@test "law 4: a spool that does not fit: learn" { law_spool_full learn; }
@test "law 4: a spool that does not fit: guard" { law_spool_full guard; }
@test "law 4: a spool that does not fit: review" { law_spool_full review; }
@test "law 4: a limit on address space: train" { law_memory train; }
@test "law 4: a limit on address space: trace" { law_memory trace; }
@test "law 4: a limit on address space: selfinf" { law_memory selfinf; }
@test "law 4: a limit on address space: kfac" { law_memory kfac; }
@test "law 4: a limit on address space: density" { law_memory density; }
@test "law 4: a limit on address space: knn" { law_memory knn; }
@test "law 4: a limit on address space: copies" { law_memory copies; }
@test "law 4: a limit on address space: against" { law_memory against; }
@test "law 4: a limit on address space: part" { law_memory part; }
@test "law 4: a limit on address space: parts" { law_memory parts; }
@test "law 4: a limit on address space: testinf" { law_memory testinf; }
@test "law 4: a limit on address space: over" { law_memory over; }
@test "law 4: a limit on address space: nearest" { law_memory nearest; }
@test "law 4: a limit on address space: merge" { law_memory merge; }
@test "law 4: a limit on address space: stat" { law_memory stat; }
@test "law 4: a limit on address space: reasons" { law_memory reasons; }
@test "law 4: a limit on address space: memo" { law_memory memo; }
@test "law 4: a limit on address space: rank" { law_memory rank; }
@test "law 4: a limit on address space: sort" { law_memory sort; }
@test "law 4: a limit on address space: ref" { law_memory ref; }
@test "law 4: a limit on address space: joint" { law_memory joint; }
@test "law 4: a limit on address space: unlike" { law_memory unlike; }
@test "law 4: a limit on address space: learn" { law_memory learn; }
@test "law 4: a limit on address space: drop" { law_memory drop; }
@test "law 4: a limit on address space: guard" { law_memory guard; }
@test "law 4: a limit on address space: first" { law_memory first; }
@test "law 4: a limit on address space: mark" { law_memory mark; }
@test "law 4: a limit on address space: cut" { law_memory cut; }
@test "law 4: a limit on address space: eval" { law_memory eval; }
@test "law 4: a limit on address space: spread" { law_memory spread; }
@test "law 4: a limit on address space: pairs" { law_memory pairs; }
@test "law 4: a limit on address space: report" { law_memory report; }
@test "law 4: a limit on address space: review" { law_memory review; }
@test "law 4: a limit on address space: ckpt" { law_memory ckpt; }
@test "law 4: a limit on address space: bend" { law_memory bend; }
@test "law 4: a limit on address space: loss" { law_memory loss; }
@test "law 4: a limit on address space: logp" { law_memory logp; }
@test "law 4: a limit on address space: pack" { law_memory pack; }
@test "law 4: a limit on address space: table" { law_memory table; }
@test "law 4: a limit on address space: columns" { law_memory columns; }
@test "law 4: a limit on address space: folder" { law_memory folder; }
@test "law 4: a limit on address space: archive" { law_memory archive; }
@test "law 4: a limit on address space: json" { law_memory json; }
@test "law 4: a limit on address space: jsoncut" { law_memory jsoncut; }
@test "law 4: a limit on the stack: train" { law_stack train; }
@test "law 4: a limit on the stack: trace" { law_stack trace; }
@test "law 4: a limit on the stack: selfinf" { law_stack selfinf; }
@test "law 4: a limit on the stack: kfac" { law_stack kfac; }
@test "law 4: a limit on the stack: density" { law_stack density; }
@test "law 4: a limit on the stack: knn" { law_stack knn; }
@test "law 4: a limit on the stack: copies" { law_stack copies; }
@test "law 4: a limit on the stack: against" { law_stack against; }
@test "law 4: a limit on the stack: part" { law_stack part; }
@test "law 4: a limit on the stack: parts" { law_stack parts; }
@test "law 4: a limit on the stack: testinf" { law_stack testinf; }
@test "law 4: a limit on the stack: over" { law_stack over; }
@test "law 4: a limit on the stack: nearest" { law_stack nearest; }
@test "law 4: a limit on the stack: merge" { law_stack merge; }
@test "law 4: a limit on the stack: stat" { law_stack stat; }
@test "law 4: a limit on the stack: reasons" { law_stack reasons; }
@test "law 4: a limit on the stack: memo" { law_stack memo; }
@test "law 4: a limit on the stack: rank" { law_stack rank; }
@test "law 4: a limit on the stack: sort" { law_stack sort; }
@test "law 4: a limit on the stack: ref" { law_stack ref; }
@test "law 4: a limit on the stack: joint" { law_stack joint; }
@test "law 4: a limit on the stack: unlike" { law_stack unlike; }
@test "law 4: a limit on the stack: learn" { law_stack learn; }
@test "law 4: a limit on the stack: drop" { law_stack drop; }
@test "law 4: a limit on the stack: guard" { law_stack guard; }
@test "law 4: a limit on the stack: first" { law_stack first; }
@test "law 4: a limit on the stack: mark" { law_stack mark; }
@test "law 4: a limit on the stack: cut" { law_stack cut; }
@test "law 4: a limit on the stack: eval" { law_stack eval; }
@test "law 4: a limit on the stack: spread" { law_stack spread; }
@test "law 4: a limit on the stack: pairs" { law_stack pairs; }
@test "law 4: a limit on the stack: report" { law_stack report; }
@test "law 4: a limit on the stack: review" { law_stack review; }
@test "law 4: a limit on the stack: ckpt" { law_stack ckpt; }
@test "law 4: a limit on the stack: bend" { law_stack bend; }
@test "law 4: a limit on the stack: loss" { law_stack loss; }
@test "law 4: a limit on the stack: logp" { law_stack logp; }
@test "law 4: a limit on the stack: pack" { law_stack pack; }
@test "law 4: a limit on the stack: table" { law_stack table; }
@test "law 4: a limit on the stack: columns" { law_stack columns; }
@test "law 4: a limit on the stack: folder" { law_stack folder; }
@test "law 4: a limit on the stack: archive" { law_stack archive; }
@test "law 4: a limit on the stack: json" { law_stack json; }
@test "law 4: a limit on the stack: jsoncut" { law_stack jsoncut; }
@test "law 5: any -j gives the same bytes: train" { law_jobs train; }
@test "law 5: any -j gives the same bytes: trace" { law_jobs trace; }
@test "law 5: any -j gives the same bytes: selfinf" { law_jobs selfinf; }
@test "law 5: any -j gives the same bytes: kfac" { law_jobs kfac; }
@test "law 5: any -j gives the same bytes: density" { law_jobs density; }
@test "law 5: any -j gives the same bytes: knn" { law_jobs knn; }
@test "law 5: any -j gives the same bytes: copies" { law_jobs copies; }
@test "law 5: any -j gives the same bytes: against" { law_jobs against; }
@test "law 5: any -j gives the same bytes: parts" { law_jobs parts; }
@test "law 5: any -j gives the same bytes: testinf" { law_jobs testinf; }
@test "law 5: any -j gives the same bytes: over" { law_jobs over; }
@test "law 5: any -j gives the same bytes: nearest" { law_jobs nearest; }
@test "law 5: any -j gives the same bytes: stat" { law_jobs stat; }
@test "law 5: any -j gives the same bytes: reasons" { law_jobs reasons; }
@test "law 5: any -j gives the same bytes: memo" { law_jobs memo; }
@test "law 5: any -j gives the same bytes: review" { law_jobs review; }
@test "law 5: any -j gives the same bytes: bend" { law_jobs bend; }
@test "law 5: any -j gives the same bytes: loss" { law_jobs loss; }
@test "law 5: any -j gives the same bytes: logp" { law_jobs logp; }
@test "law 5: any order gives the same scores: selfinf" { law_order selfinf; }
@test "law 5: any order gives the same scores: kfac" { law_order kfac; }
@test "law 7: -h, -V and wrong options: train" { law_usage train; }
@test "law 7: -h, -V and wrong options: trace" { law_usage trace; }
@test "law 7: -h, -V and wrong options: selfinf" { law_usage selfinf; }
@test "law 7: -h, -V and wrong options: kfac" { law_usage kfac; }
@test "law 7: -h, -V and wrong options: density" { law_usage density; }
@test "law 7: -h, -V and wrong options: knn" { law_usage knn; }
@test "law 7: -h, -V and wrong options: copies" { law_usage copies; }
@test "law 7: -h, -V and wrong options: against" { law_usage against; }
@test "law 7: -h, -V and wrong options: part" { law_usage part; }
@test "law 7: -h, -V and wrong options: parts" { law_usage parts; }
@test "law 7: -h, -V and wrong options: testinf" { law_usage testinf; }
@test "law 7: -h, -V and wrong options: over" { law_usage over; }
@test "law 7: -h, -V and wrong options: nearest" { law_usage nearest; }
@test "law 7: -h, -V and wrong options: merge" { law_usage merge; }
@test "law 7: -h, -V and wrong options: stat" { law_usage stat; }
@test "law 7: -h, -V and wrong options: reasons" { law_usage reasons; }
@test "law 7: -h, -V and wrong options: memo" { law_usage memo; }
@test "law 7: -h, -V and wrong options: rank" { law_usage rank; }
@test "law 7: -h, -V and wrong options: sort" { law_usage sort; }
@test "law 7: -h, -V and wrong options: ref" { law_usage ref; }
@test "law 7: -h, -V and wrong options: joint" { law_usage joint; }
@test "law 7: -h, -V and wrong options: unlike" { law_usage unlike; }
@test "law 7: -h, -V and wrong options: learn" { law_usage learn; }
@test "law 7: -h, -V and wrong options: drop" { law_usage drop; }
@test "law 7: -h, -V and wrong options: guard" { law_usage guard; }
@test "law 7: -h, -V and wrong options: first" { law_usage first; }
@test "law 7: -h, -V and wrong options: mark" { law_usage mark; }
@test "law 7: -h, -V and wrong options: cut" { law_usage cut; }
@test "law 7: -h, -V and wrong options: eval" { law_usage eval; }
@test "law 7: -h, -V and wrong options: spread" { law_usage spread; }
@test "law 7: -h, -V and wrong options: pairs" { law_usage pairs; }
@test "law 7: -h, -V and wrong options: report" { law_usage report; }
@test "law 7: -h, -V and wrong options: review" { law_usage review; }
@test "law 7: -h, -V and wrong options: ckpt" { law_usage ckpt; }
@test "law 7: -h, -V and wrong options: bend" { law_usage bend; }
@test "law 7: -h, -V and wrong options: loss" { law_usage loss; }
@test "law 7: -h, -V and wrong options: logp" { law_usage logp; }
@test "law 7: -h, -V and wrong options: clean" { law_usage clean; }
@test "law 7: -h, -V and wrong options: shards" { law_usage shards; }
@test "law 7: -h, -V and wrong options: pack" { law_usage pack; }
@test "law 7: -h, -V and wrong options: table" { law_usage table; }
@test "law 7: -h, -V and wrong options: columns" { law_usage columns; }
@test "law 7: -h, -V and wrong options: folder" { law_usage folder; }
@test "law 7: -h, -V and wrong options: archive" { law_usage archive; }
@test "law 7: -h, -V and wrong options: json" { law_usage json; }
@test "law 7: -h, -V and wrong options: jsoncut" { law_usage jsoncut; }
@test "law 7: a terminal is refused: train" { law_terminal train; }
@test "law 7: a terminal is refused: trace" { law_terminal trace; }
@test "law 7: a terminal is refused: selfinf" { law_terminal selfinf; }
@test "law 7: a terminal is refused: kfac" { law_terminal kfac; }
@test "law 7: a terminal is refused: density" { law_terminal density; }
@test "law 7: a terminal is refused: knn" { law_terminal knn; }
@test "law 7: a terminal is refused: copies" { law_terminal copies; }
@test "law 7: a terminal is refused: against" { law_terminal against; }
@test "law 7: a terminal is refused: parts" { law_terminal parts; }
@test "law 7: a terminal is refused: testinf" { law_terminal testinf; }
@test "law 7: a terminal is refused: over" { law_terminal over; }
@test "law 7: a terminal is refused: nearest" { law_terminal nearest; }
@test "law 7: a terminal is refused: stat" { law_terminal stat; }
@test "law 7: a terminal is refused: reasons" { law_terminal reasons; }
@test "law 7: a terminal is refused: memo" { law_terminal memo; }
@test "law 7: a terminal is refused: rank" { law_terminal rank; }
@test "law 7: a terminal is refused: sort" { law_terminal sort; }
@test "law 7: a terminal is refused: ref" { law_terminal ref; }
@test "law 7: a terminal is refused: joint" { law_terminal joint; }
@test "law 7: a terminal is refused: unlike" { law_terminal unlike; }
@test "law 7: a terminal is refused: learn" { law_terminal learn; }
@test "law 7: a terminal is refused: drop" { law_terminal drop; }
@test "law 7: a terminal is refused: guard" { law_terminal guard; }
@test "law 7: a terminal is refused: first" { law_terminal first; }
@test "law 7: a terminal is refused: mark" { law_terminal mark; }
@test "law 7: a terminal is refused: bend" { law_terminal bend; }
@test "law 7: a terminal is refused: loss" { law_terminal loss; }
@test "law 7: a terminal is refused: logp" { law_terminal logp; }
@test "law 7: a terminal is refused: pack" { law_terminal pack; }
@test "law 7: a terminal is refused: table" { law_terminal table; }
@test "law 7: a terminal is refused: columns" { law_terminal columns; }
@test "law 7: a terminal is refused: folder" { law_terminal folder; }
@test "law 7: a terminal is refused: archive" { law_terminal archive; }
@test "law 7: a terminal is refused: json" { law_terminal json; }
@test "law 8: only records on stdout, nothing on stderr: train" { law_quiet train; }
@test "law 8: only records on stdout, nothing on stderr: trace" { law_quiet trace; }
@test "law 8: only records on stdout, nothing on stderr: selfinf" { law_quiet selfinf; }
@test "law 8: only records on stdout, nothing on stderr: kfac" { law_quiet kfac; }
@test "law 8: only records on stdout, nothing on stderr: density" { law_quiet density; }
@test "law 8: only records on stdout, nothing on stderr: knn" { law_quiet knn; }
@test "law 8: only records on stdout, nothing on stderr: copies" { law_quiet copies; }
@test "law 8: only records on stdout, nothing on stderr: against" { law_quiet against; }
@test "law 8: only records on stdout, nothing on stderr: testinf" { law_quiet testinf; }
@test "law 8: only records on stdout, nothing on stderr: over" { law_quiet over; }
@test "law 8: only records on stdout, nothing on stderr: nearest" { law_quiet nearest; }
@test "law 8: only records on stdout, nothing on stderr: stat" { law_quiet stat; }
@test "law 8: only records on stdout, nothing on stderr: reasons" { law_quiet reasons; }
@test "law 8: only records on stdout, nothing on stderr: memo" { law_quiet memo; }
@test "law 8: only records on stdout, nothing on stderr: rank" { law_quiet rank; }
@test "law 8: only records on stdout, nothing on stderr: sort" { law_quiet sort; }
@test "law 8: only records on stdout, nothing on stderr: ref" { law_quiet ref; }
@test "law 8: only records on stdout, nothing on stderr: joint" { law_quiet joint; }
@test "law 8: only records on stdout, nothing on stderr: unlike" { law_quiet unlike; }
@test "law 8: only records on stdout, nothing on stderr: learn" { law_quiet learn; }
@test "law 8: only records on stdout, nothing on stderr: drop" { law_quiet drop; }
@test "law 8: only records on stdout, nothing on stderr: guard" { law_quiet guard; }
@test "law 8: only records on stdout, nothing on stderr: first" { law_quiet first; }
@test "law 8: only records on stdout, nothing on stderr: mark" { law_quiet mark; }
@test "law 8: only records on stdout, nothing on stderr: cut" { law_quiet cut; }
@test "law 8: only records on stdout, nothing on stderr: eval" { law_quiet eval; }
@test "law 8: only records on stdout, nothing on stderr: spread" { law_quiet spread; }
@test "law 8: only records on stdout, nothing on stderr: pairs" { law_quiet pairs; }
@test "law 8: only records on stdout, nothing on stderr: report" { law_quiet report; }
@test "law 8: only records on stdout, nothing on stderr: review" { law_quiet review; }
@test "law 8: only records on stdout, nothing on stderr: bend" { law_quiet bend; }
@test "law 8: only records on stdout, nothing on stderr: loss" { law_quiet loss; }
@test "law 8: only records on stdout, nothing on stderr: logp" { law_quiet logp; }
@test "law 8: only records on stdout, nothing on stderr: json" { law_quiet json; }
@test "law 8: only records on stdout, nothing on stderr: jsoncut" { law_quiet jsoncut; }
@test "law 8: --summary: train" { law_summary train; }
@test "law 8: --summary: trace" { law_summary trace; }
@test "law 8: --summary: selfinf" { law_summary selfinf; }
@test "law 8: --summary: kfac" { law_summary kfac; }
@test "law 8: --summary: density" { law_summary density; }
@test "law 8: --summary: knn" { law_summary knn; }
@test "law 8: --summary: copies" { law_summary copies; }
@test "law 8: --summary: against" { law_summary against; }
@test "law 8: --summary: part" { law_summary part; }
@test "law 8: --summary: parts" { law_summary parts; }
@test "law 8: --summary: testinf" { law_summary testinf; }
@test "law 8: --summary: over" { law_summary over; }
@test "law 8: --summary: nearest" { law_summary nearest; }
@test "law 8: --summary: merge" { law_summary merge; }
@test "law 8: --summary: stat" { law_summary stat; }
@test "law 8: --summary: reasons" { law_summary reasons; }
@test "law 8: --summary: memo" { law_summary memo; }
@test "law 8: --summary: rank" { law_summary rank; }
@test "law 8: --summary: sort" { law_summary sort; }
@test "law 8: --summary: ref" { law_summary ref; }
@test "law 8: --summary: joint" { law_summary joint; }
@test "law 8: --summary: unlike" { law_summary unlike; }
@test "law 8: --summary: learn" { law_summary learn; }
@test "law 8: --summary: drop" { law_summary drop; }
@test "law 8: --summary: guard" { law_summary guard; }
@test "law 8: --summary: first" { law_summary first; }
@test "law 8: --summary: mark" { law_summary mark; }
@test "law 8: --summary: cut" { law_summary cut; }
@test "law 8: --summary: eval" { law_summary eval; }
@test "law 8: --summary: spread" { law_summary spread; }
@test "law 8: --summary: pairs" { law_summary pairs; }
@test "law 8: --summary: report" { law_summary report; }
@test "law 8: --summary: review" { law_summary review; }
@test "law 8: --summary: ckpt" { law_summary ckpt; }
@test "law 8: --summary: bend" { law_summary bend; }
@test "law 8: --summary: loss" { law_summary loss; }
@test "law 8: --summary: logp" { law_summary logp; }
@test "law 8: --summary: pack" { law_summary pack; }
@test "law 8: --summary: table" { law_summary table; }
@test "law 8: --summary: columns" { law_summary columns; }
@test "law 8: --summary: folder" { law_summary folder; }
@test "law 8: --summary: archive" { law_summary archive; }
@test "law 8: --summary: json" { law_summary json; }
@test "law 8: --summary: jsoncut" { law_summary jsoncut; }
@test "law 9: invalid fields: selfinf" { law_bad_fields selfinf; }
@test "law 9: invalid fields: kfac" { law_bad_fields kfac; }
@test "law 9: invalid fields: density" { law_bad_fields density; }
@test "law 9: invalid fields: knn" { law_bad_fields knn; }
@test "law 9: invalid fields: copies" { law_bad_fields copies; }
@test "law 9: invalid fields: against" { law_bad_fields against; }
@test "law 9: invalid fields: testinf" { law_bad_fields testinf; }
@test "law 9: invalid fields: over" { law_bad_fields over; }
@test "law 9: invalid fields: nearest" { law_bad_fields nearest; }
@test "law 9: invalid fields: stat" { law_bad_fields stat; }
@test "law 9: invalid fields: reasons" { law_bad_fields reasons; }
@test "law 9: invalid fields: rank" { law_bad_fields rank; }
@test "law 9: invalid fields: sort" { law_bad_fields sort; }
@test "law 9: invalid fields: ref" { law_bad_fields ref; }
@test "law 9: invalid fields: joint" { law_bad_fields joint; }
@test "law 9: invalid fields: unlike" { law_bad_fields unlike; }
@test "law 9: invalid fields: learn" { law_bad_fields learn; }
@test "law 9: invalid fields: drop" { law_bad_fields drop; }
@test "law 9: invalid fields: guard" { law_bad_fields guard; }
@test "law 9: invalid fields: first" { law_bad_fields first; }
@test "law 9: invalid fields: mark" { law_bad_fields mark; }
@test "law 9: invalid fields: cut" { law_bad_fields cut; }
@test "law 9: invalid fields: eval" { law_bad_fields eval; }
@test "law 9: invalid fields: spread" { law_bad_fields spread; }
@test "law 9: invalid fields: report" { law_bad_fields report; }
@test "law 9: invalid fields: review" { law_bad_fields review; }
@test "law 9: invalid fields: bend" { law_bad_fields bend; }
@test "law 9: invalid fields: loss" { law_bad_fields loss; }
@test "law 9: invalid fields: logp" { law_bad_fields logp; }
@test "law 9: payloads that cannot be decoded: train" { law_on_error train; }
@test "law 9: payloads that cannot be decoded: trace" { law_on_error trace; }
@test "law 9: payloads that cannot be decoded: selfinf" { law_on_error selfinf; }
@test "law 9: payloads that cannot be decoded: kfac" { law_on_error kfac; }
@test "law 9: payloads that cannot be decoded: density" { law_on_error density; }
@test "law 9: payloads that cannot be decoded: knn" { law_on_error knn; }
@test "law 9: payloads that cannot be decoded: copies" { law_on_error copies; }
@test "law 9: payloads that cannot be decoded: against" { law_on_error against; }
@test "law 9: payloads that cannot be decoded: testinf" { law_on_error testinf; }
@test "law 9: payloads that cannot be decoded: over" { law_on_error over; }
@test "law 9: payloads that cannot be decoded: nearest" { law_on_error nearest; }
@test "law 9: payloads that cannot be decoded: stat" { law_on_error stat; }
@test "law 9: payloads that cannot be decoded: reasons" { law_on_error reasons; }
@test "law 9: payloads that cannot be decoded: memo" { law_on_error memo; }
@test "law 9: payloads that cannot be decoded: bend" { law_on_error bend; }
@test "law 9: payloads that cannot be decoded: loss" { law_on_error loss; }
@test "law 9: payloads that cannot be decoded: logp" { law_on_error logp; }
@test "law 9: fields of earlier tools keep their digits: train" { law_digits train; }
@test "law 9: fields of earlier tools keep their digits: trace" { law_digits trace; }
@test "law 9: fields of earlier tools keep their digits: selfinf" { law_digits selfinf; }
@test "law 9: fields of earlier tools keep their digits: kfac" { law_digits kfac; }
@test "law 9: fields of earlier tools keep their digits: density" { law_digits density; }
@test "law 9: fields of earlier tools keep their digits: knn" { law_digits knn; }
@test "law 9: fields of earlier tools keep their digits: copies" { law_digits copies; }
@test "law 9: fields of earlier tools keep their digits: against" { law_digits against; }
@test "law 9: fields of earlier tools keep their digits: testinf" { law_digits testinf; }
@test "law 9: fields of earlier tools keep their digits: over" { law_digits over; }
@test "law 9: fields of earlier tools keep their digits: nearest" { law_digits nearest; }
@test "law 9: fields of earlier tools keep their digits: stat" { law_digits stat; }
@test "law 9: fields of earlier tools keep their digits: reasons" { law_digits reasons; }
@test "law 9: fields of earlier tools keep their digits: memo" { law_digits memo; }
@test "law 9: fields of earlier tools keep their digits: rank" { law_digits rank; }
@test "law 9: fields of earlier tools keep their digits: sort" { law_digits sort; }
@test "law 9: fields of earlier tools keep their digits: ref" { law_digits ref; }
@test "law 9: fields of earlier tools keep their digits: joint" { law_digits joint; }
@test "law 9: fields of earlier tools keep their digits: unlike" { law_digits unlike; }
@test "law 9: fields of earlier tools keep their digits: learn" { law_digits learn; }
@test "law 9: fields of earlier tools keep their digits: drop" { law_digits drop; }
@test "law 9: fields of earlier tools keep their digits: guard" { law_digits guard; }
@test "law 9: fields of earlier tools keep their digits: first" { law_digits first; }
@test "law 9: fields of earlier tools keep their digits: mark" { law_digits mark; }
@test "law 9: fields of earlier tools keep their digits: bend" { law_digits bend; }
@test "law 9: fields of earlier tools keep their digits: loss" { law_digits loss; }
@test "law 9: fields of earlier tools keep their digits: logp" { law_digits logp; }
@test "law 9: fields of earlier tools keep their digits: json" { law_digits json; }
@test "law 10: -o is complete or absent: selfinf" { law_output selfinf; }
@test "law 10: -o is complete or absent: kfac" { law_output kfac; }
@test "law 10: -o is complete or absent: density" { law_output density; }
@test "law 10: -o is complete or absent: knn" { law_output knn; }
@test "law 10: -o is complete or absent: copies" { law_output copies; }
@test "law 10: -o is complete or absent: against" { law_output against; }
@test "law 10: -o is complete or absent: parts" { law_output parts; }
@test "law 10: -o is complete or absent: testinf" { law_output testinf; }
@test "law 10: -o is complete or absent: over" { law_output over; }
@test "law 10: -o is complete or absent: nearest" { law_output nearest; }
@test "law 10: -o is complete or absent: stat" { law_output stat; }
@test "law 10: -o is complete or absent: reasons" { law_output reasons; }
@test "law 10: -o is complete or absent: rank" { law_output rank; }
@test "law 10: -o is complete or absent: sort" { law_output sort; }
@test "law 10: -o is complete or absent: ref" { law_output ref; }
@test "law 10: -o is complete or absent: joint" { law_output joint; }
@test "law 10: -o is complete or absent: unlike" { law_output unlike; }
@test "law 10: -o is complete or absent: learn" { law_output learn; }
@test "law 10: -o is complete or absent: drop" { law_output drop; }
@test "law 10: -o is complete or absent: guard" { law_output guard; }
@test "law 10: -o is complete or absent: first" { law_output first; }
@test "law 10: -o is complete or absent: mark" { law_output mark; }
@test "law 10: -o is complete or absent: bend" { law_output bend; }
@test "law 10: -o is complete or absent: loss" { law_output loss; }
@test "law 10: -o is complete or absent: logp" { law_output logp; }
@test "law 10: -o is complete or absent: pack" { law_output pack; }
@test "law 10: -o is complete or absent: table" { law_output table; }
@test "law 10: -o is complete or absent: columns" { law_output columns; }
@test "law 10: -o is complete or absent: folder" { law_output folder; }
@test "law 10: -o is complete or absent: archive" { law_output archive; }
@test "law 10: -o is complete or absent: json" { law_output json; }
@test "law 10: any locale gives the same bytes: train" { law_locale train; }
@test "law 10: any locale gives the same bytes: trace" { law_locale trace; }
@test "law 10: any locale gives the same bytes: selfinf" { law_locale selfinf; }
@test "law 10: any locale gives the same bytes: kfac" { law_locale kfac; }
@test "law 10: any locale gives the same bytes: density" { law_locale density; }
@test "law 10: any locale gives the same bytes: knn" { law_locale knn; }
@test "law 10: any locale gives the same bytes: copies" { law_locale copies; }
@test "law 10: any locale gives the same bytes: against" { law_locale against; }
@test "law 10: any locale gives the same bytes: testinf" { law_locale testinf; }
@test "law 10: any locale gives the same bytes: over" { law_locale over; }
@test "law 10: any locale gives the same bytes: nearest" { law_locale nearest; }
@test "law 10: any locale gives the same bytes: stat" { law_locale stat; }
@test "law 10: any locale gives the same bytes: reasons" { law_locale reasons; }
@test "law 10: any locale gives the same bytes: memo" { law_locale memo; }
@test "law 10: any locale gives the same bytes: rank" { law_locale rank; }
@test "law 10: any locale gives the same bytes: sort" { law_locale sort; }
@test "law 10: any locale gives the same bytes: ref" { law_locale ref; }
@test "law 10: any locale gives the same bytes: joint" { law_locale joint; }
@test "law 10: any locale gives the same bytes: unlike" { law_locale unlike; }
@test "law 10: any locale gives the same bytes: learn" { law_locale learn; }
@test "law 10: any locale gives the same bytes: drop" { law_locale drop; }
@test "law 10: any locale gives the same bytes: guard" { law_locale guard; }
@test "law 10: any locale gives the same bytes: first" { law_locale first; }
@test "law 10: any locale gives the same bytes: mark" { law_locale mark; }
@test "law 10: any locale gives the same bytes: bend" { law_locale bend; }
@test "law 10: any locale gives the same bytes: loss" { law_locale loss; }
@test "law 10: any locale gives the same bytes: logp" { law_locale logp; }
@test "law 10: any locale gives the same bytes: json" { law_locale json; }
@test "bad input: train" { law_bad_input train; }
@test "bad input: trace" { law_bad_input trace; }
@test "bad input: selfinf" { law_bad_input selfinf; }
@test "bad input: kfac" { law_bad_input kfac; }
@test "bad input: density" { law_bad_input density; }
@test "bad input: knn" { law_bad_input knn; }
@test "bad input: copies" { law_bad_input copies; }
@test "bad input: against" { law_bad_input against; }
@test "bad input: testinf" { law_bad_input testinf; }
@test "bad input: over" { law_bad_input over; }
@test "bad input: nearest" { law_bad_input nearest; }
@test "bad input: stat" { law_bad_input stat; }
@test "bad input: reasons" { law_bad_input reasons; }
@test "bad input: memo" { law_bad_input memo; }
@test "bad input: rank" { law_bad_input rank; }
@test "bad input: sort" { law_bad_input sort; }
@test "bad input: ref" { law_bad_input ref; }
@test "bad input: joint" { law_bad_input joint; }
@test "bad input: unlike" { law_bad_input unlike; }
@test "bad input: learn" { law_bad_input learn; }
@test "bad input: drop" { law_bad_input drop; }
@test "bad input: guard" { law_bad_input guard; }
@test "bad input: first" { law_bad_input first; }
@test "bad input: mark" { law_bad_input mark; }
@test "bad input: cut" { law_bad_input cut; }
@test "bad input: eval" { law_bad_input eval; }
@test "bad input: spread" { law_bad_input spread; }
@test "bad input: pairs" { law_bad_input pairs; }
@test "bad input: report" { law_bad_input report; }
@test "bad input: review" { law_bad_input review; }
@test "bad input: bend" { law_bad_input bend; }
@test "bad input: loss" { law_bad_input loss; }
@test "bad input: logp" { law_bad_input logp; }
@test "bad input: json" { law_bad_input json; }
@test "bad input: jsoncut" { law_bad_input jsoncut; }
@test "an empty stream: train" { law_empty train; }
@test "an empty stream: trace" { law_empty trace; }
@test "an empty stream: selfinf" { law_empty selfinf; }
@test "an empty stream: kfac" { law_empty kfac; }
@test "an empty stream: density" { law_empty density; }
@test "an empty stream: knn" { law_empty knn; }
@test "an empty stream: copies" { law_empty copies; }
@test "an empty stream: against" { law_empty against; }
@test "an empty stream: testinf" { law_empty testinf; }
@test "an empty stream: over" { law_empty over; }
@test "an empty stream: nearest" { law_empty nearest; }
@test "an empty stream: stat" { law_empty stat; }
@test "an empty stream: reasons" { law_empty reasons; }
@test "an empty stream: memo" { law_empty memo; }
@test "an empty stream: rank" { law_empty rank; }
@test "an empty stream: sort" { law_empty sort; }
@test "an empty stream: ref" { law_empty ref; }
@test "an empty stream: joint" { law_empty joint; }
@test "an empty stream: unlike" { law_empty unlike; }
@test "an empty stream: learn" { law_empty learn; }
@test "an empty stream: drop" { law_empty drop; }
@test "an empty stream: guard" { law_empty guard; }
@test "an empty stream: first" { law_empty first; }
@test "an empty stream: mark" { law_empty mark; }
@test "an empty stream: cut" { law_empty cut; }
@test "an empty stream: eval" { law_empty eval; }
@test "an empty stream: spread" { law_empty spread; }
@test "an empty stream: pairs" { law_empty pairs; }
@test "an empty stream: report" { law_empty report; }
@test "an empty stream: review" { law_empty review; }
@test "an empty stream: bend" { law_empty bend; }
@test "an empty stream: loss" { law_empty loss; }
@test "an empty stream: logp" { law_empty logp; }
@test "an empty stream: json" { law_empty json; }
@test "an empty stream: jsoncut" { law_empty jsoncut; }
@test "members, but no record: train" { law_no_record train; }
@test "members, but no record: trace" { law_no_record trace; }
@test "members, but no record: selfinf" { law_no_record selfinf; }
@test "members, but no record: kfac" { law_no_record kfac; }
@test "members, but no record: density" { law_no_record density; }
@test "members, but no record: knn" { law_no_record knn; }
@test "members, but no record: copies" { law_no_record copies; }
@test "members, but no record: against" { law_no_record against; }
@test "members, but no record: testinf" { law_no_record testinf; }
@test "members, but no record: over" { law_no_record over; }
@test "members, but no record: nearest" { law_no_record nearest; }
@test "members, but no record: stat" { law_no_record stat; }
@test "members, but no record: reasons" { law_no_record reasons; }
@test "members, but no record: memo" { law_no_record memo; }
@test "members, but no record: rank" { law_no_record rank; }
@test "members, but no record: sort" { law_no_record sort; }
@test "members, but no record: ref" { law_no_record ref; }
@test "members, but no record: joint" { law_no_record joint; }
@test "members, but no record: unlike" { law_no_record unlike; }
@test "members, but no record: learn" { law_no_record learn; }
@test "members, but no record: drop" { law_no_record drop; }
@test "members, but no record: guard" { law_no_record guard; }
@test "members, but no record: first" { law_no_record first; }
@test "members, but no record: mark" { law_no_record mark; }
@test "members, but no record: cut" { law_no_record cut; }
@test "members, but no record: eval" { law_no_record eval; }
@test "members, but no record: spread" { law_no_record spread; }
@test "members, but no record: pairs" { law_no_record pairs; }
@test "members, but no record: report" { law_no_record report; }
@test "members, but no record: review" { law_no_record review; }
@test "members, but no record: bend" { law_no_record bend; }
@test "members, but no record: loss" { law_no_record loss; }
@test "members, but no record: logp" { law_no_record logp; }
@test "members, but no record: json" { law_no_record json; }
@test "members, but no record: jsoncut" { law_no_record jsoncut; }
