# vae-ckpt, and models that are none.

load helper

setup_file() {
	pictures "$F/pics" 10
	plain_stream 10 | mktar >"$F/in.tar"
	train "$F/m.vae" <"$F/in.tar"
}

@test "list: a line a checkpoint" {
	ok vae-ckpt list -m "$F/m.vae"
	is "$(cut -f1 "$T/out" | tr '\n' ' ')" 'step 8 16 24 '
	is "$(cut -f2 "$T/out" | sort -u | wc -l)" 4
	is "$(awk -F '\t' 'NF != 6' "$T/out" | wc -l)" 0
	ok vae-ckpt list -m "$F/m.vae" --checkpoints 16
	is "$(wc -l <"$T/out")" 2
	fails 1 vae-ckpt list -m "$F/m.vae" --checkpoints 17
	says 17
}

@test "show: configuration and tensors" {
	ok vae-ckpt show -m "$F/m.vae"
	grep -q 'latent: 4' "$T/out"
	grep -q '^# decoder.2.weight	\[64, 32\]	norm [0-9.]*$' "$T/out"
	is "$(grep -c '	norm ' "$T/out")" 8
	# what it prints is a configuration
	vae-train -q -c <(cat "$T/out") -o "$T/n.vae" <"$F/in.tar" || {
		cp "$T/out" "$T/c.yaml"
		vae-train -q -c "$T/c.yaml" -o "$T/n.vae" <"$F/in.tar"
	}
	is "$(vae-ckpt list -m "$T/n.vae" | tail -1)" "$(vae-ckpt list -m "$F/m.vae" | tail -1)"
}

@test "export and import: the same id, the same scores" {
	ok vae-ckpt export -m "$F/m.vae" -o "$T/e-24.safetensors" # the step, which the noise hangs on, is in the name
	no_leftovers "$T"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$T/e-24.safetensors"
	is "$(vae-ckpt list -m "$T/i.vae" | tail -1 | cut -f2)" "$(vae-ckpt list -m "$F/m.vae" | tail -1 | cut -f2)"
	vae-selfinf -m "$T/i.vae" <"$F/in.tar" | field selfinf >"$T/a"
	vae-selfinf -m "$F/m.vae" <"$F/in.tar" | field selfinf >"$T/b"
	is "$(grep -c . "$T/a")" 10
	paste "$T/a" "$T/b" | awk '{ d = $1 / $2 - 1; if (d > 1e-5 || d < -1e-5) exit 1 }'
	ok vae-ckpt export -m "$F/m.vae" --checkpoints 8 -o "$T/e-8.safetensors"
	ok vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/two.vae" "$T/e-8.safetensors" "$F/m.vae/step-000000024.safetensors"
	is "$(vae-ckpt list -m "$T/two.vae" | cut -f1 | tr '\n' ' ')" 'step 8 24 '
	is "$(vae-ckpt list -m "$T/two.vae" | cut -f2)" "$(vae-ckpt list -m "$F/m.vae" --checkpoints 8,24 | cut -f2)"
	fails 1 vae-ckpt export -m "$F/m.vae" --checkpoints all -o "$T/all.safetensors"
	absent "$T/all.safetensors"
}

@test "import refuses what does not fit, and leaves nothing" {
	ok vae-ckpt export -m "$F/m.vae" -o "$T/e.safetensors"
	sed 's/linear: 32/linear: 16/g' "$F/m.vae/model.yaml" >"$T/c.yaml"
	fails 1 vae-ckpt import -c "$T/c.yaml" -o "$T/i.vae" "$T/e.safetensors"
	says "$T/e.safetensors" encoder.1.weight '[32, 64]' '[16, 64]'
	absent "$T/i.vae"
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/i.vae" "$F/m.vae/step-000000024.safetensors" "$F/m.vae/step-000000008.safetensors"
	says order
	absent "$T/i.vae"
	cp -r "$F/m.vae" "$T/old.vae"
	fails 1 vae-ckpt import -c "$F/m.vae/model.yaml" -o "$T/old.vae" "$T/e.safetensors"
	says --replace
	fails 1 vae-ckpt import -c "$T/c.yaml" --replace -o "$T/old.vae" "$T/e.safetensors"
	is "$(names "$T/old.vae" | wc -w)" 6
	ok vae-ckpt import -c "$F/m.vae/model.yaml" --replace -o "$T/old.vae" "$T/e.safetensors"
	is "$(vae-ckpt list -m "$T/old.vae" | wc -l)" 2
	is "$(ls -d "$T"/*.vae*)" "$T/old.vae"
}

@test "verbs and their options" {
	fails 2 vae-ckpt
	fails 2 vae-ckpt frobnicate
	says frobnicate list
	fails 2 vae-ckpt list
	says '-m'
	fails 2 vae-ckpt list -m "$F/m.vae" extra
	fails 2 vae-ckpt import -o x
	fails 2 vae-ckpt import -c tiny x
	fails 2 vae-ckpt import -c tiny -o x
	fails 2 vae-ckpt export -m "$F/m.vae"
	fails 2 vae-ckpt import -c tiny --set nope.nope=1 -o "$T/x.vae" x
}

# no_model PATH MESSAGE...: neither tool takes it
no_model() {
	local path=$1
	shift
	fails 1 vae-selfinf -m "$path" "$F/in.tar"
	says "$path" "$@"
	fails 1 vae-ckpt list -m "$path"
	says "$path" "$@"
}

@test "what is no model" {
	local s=step-000000024.safetensors n
	no_model "$T/none.vae" 'No such file'
	mkdir "$T/empty.vae"
	no_model "$T/empty.vae" 'no checkpoint'
	no_model "$F/in.tar"
	: >"$T/zero"
	no_model "$T/zero"
	no_model "$(printf '%s/a\033b' "$T" | sed 's/\x1b/-/')"
	cp -r "$F/m.vae" "$T/m.vae"
	for n in 0 1 7 8 9 100 1000 2000 5000 $(($(wc -c <"$F/m.vae/$s") - 1)); do
		head -c "$n" "$F/m.vae/$s" >"$T/m.vae/$s"
		no_model "$T/m.vae" "$s"
	done
	(cat "$F/m.vae/$s" && printf x) >"$T/m.vae/$s"
	no_model "$T/m.vae" "$s"
	printf '\377\377\377\377\377\377\377\377{}' >"$T/m.vae/$s"
	no_model "$T/m.vae" "$s"
	printf '\377\377\377\377\377\377\377\177{}' >"$T/m.vae/$s"
	no_model "$T/m.vae" "$s"
}

# edited SED-LIKE PERL: the last checkpoint with its header edited to the same length
edited() {
	rm -rf "$T/m.vae"
	cp -r "$F/m.vae" "$T/m.vae"
	perl -0pi -e "$1" "$T/m.vae/step-000000024.safetensors"
	not cmp -s "$T/m.vae/step-000000024.safetensors" "$F/m.vae/step-000000024.safetensors"
	is "$(wc -c <"$T/m.vae/step-000000024.safetensors")" "$(wc -c <"$F/m.vae/step-000000024.safetensors")"
}

@test "checkpoints whose headers lie" {
	edited 's/format: 1/format: 2/'
	no_model "$T/m.vae" newer 2
	edited 's/  latent: 4/  latnet: 4/'
	no_model "$T/m.vae" latnet model.latent
	edited 's/linear: 32/linear: 33/'
	no_model "$T/m.vae" 32 33
	edited 's/"F32"/"F99"/'
	no_model "$T/m.vae"
	edited 's/"data_offsets": ?\[0,/"data_offsets":[9,/'
	no_model "$T/m.vae"
	edited 's/encoder\.1\.weight/encoder.1.wieght/'
	no_model "$T/m.vae" encoder.1.weight
	edited 's/"__metadata__"/"__metadat4__"/'
	no_model "$T/m.vae"
	edited 's/shape":\[32/shape":[23/'
	no_model "$T/m.vae"
	edited 's/.{4}\z/\x00\x00\xc0\x7f/s'
	no_model "$T/m.vae" 'not finite'
}
