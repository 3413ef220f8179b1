#!/usr/bin/env bats
# A network that PyTorch saved works here: a vector made by tests/data/torch/make_vectors.py.

setup()
{
	root=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	BIN=${BIN:-$root/build}
	case $BIN in /*) ;; *) BIN=$root/$BIN ;; esac
	PATH=$BIN:$PATH
	data=$root/tests/data/torch
	cd "$BATS_TEST_TMPDIR" || exit 1
}

fields=selfinf,recon,kl,loss,selfinf_encoder.0,selfinf_encoder.2,selfinf_encoder.5,selfinf_encoder.7
fields=$fields,selfinf_decoder.0,selfinf_decoder.3,selfinf_decoder.5,selfinf_decoder.7,selfinf_decoder.9

# as_torch BOUND: net.vae's scores are within 1e-5 of torch's, its layers' parts within BOUND, relative
as_torch() {
	vae-selfinf -q -m net.vae --parts --eps "$data/eps.npy" "$data/pictures.tar" | vae-cut -H -k $fields >got.tsv
	perl -MJSON::PP -e '
		my $want = decode_json(do { local (@ARGV, $/) = $ARGV[0]; <> });
		open my $f, "<", "got.tsv" or die; my @name = split /\s+/, <$f>;
		my ($rows, $far) = (0, 0);
		while (<$f>) {
			my @v = split; my $w = $want->[$rows++];
			for (0 .. $#name) {
				next if abs($v[$_] / $w->{$name[$_]} - 1) <= ($name[$_] =~ /_/ ? $ARGV[1] : 1e-5);
				print "record $rows, $name[$_]: $v[$_], wanted $w->{$name[$_]}\n";
				$far++;
			}
		}
		exit !($rows == @$want && @name == 13 && !$far);' "$data/expected.json" "$1"
}

@test "a state dict of convolutional and linear layers imports, and scores as torch's autograd does" {
	vae-ckpt import -q -c "$data/net.yaml" -o net.vae "$data/net.safetensors"
	VAE_FILTERS_SIMD=avx512 as_torch 1e-5
	as_torch 5e-5 # where there are tiles, gradients are of 16 bits
}

@test "the same tensors come out again, under the same names and shapes" {
	vae-ckpt import -q -c "$data/net.yaml" -o net.vae "$data/net.safetensors"
	vae-ckpt export -q -m net.vae -o again.safetensors
	vae-ckpt import -q -c "$data/net.yaml" -o twice.vae again.safetensors
	[ "$(vae-ckpt show -m net.vae | grep -v step)" = "$(vae-ckpt show -m twice.vae | grep -v step)" ]
	vae-ckpt show -m net.vae | grep -F "encoder.0.weight	[4, 3, 3, 3]"
	vae-ckpt show -m net.vae | grep -F "decoder.5.weight	[4, 3, 4, 4]"
	vae-ckpt show -m net.vae | grep -F "decoder.5.bias	[3]"
}

@test "a tensor of another kernel is refused with both shapes" {
	sed 's/out: 4, kernel: 3, stride: 2, padding: 1/out: 4, kernel: 4, stride: 2, padding: 1/; s/out: 5, kernel: 2/out: 5, kernel: 1/; s/linear: 7/linear: 7/' "$data/net.yaml" >other.yaml
	run vae-ckpt import -q -c ./other.yaml -o net.vae "$data/net.safetensors"
	[ "$status" -eq 1 ]
	[[ $output == *"has shape [4, 3, 3, 3]; the configuration needs [4, 3, 4, 4]"* ]]
	[ ! -e net.vae ]
}

# lines FROM: the block of Python in vae-model(5) that begins with the line FROM
lines() {
	mandoc -T ascii "$root/man/vae-model.5" | perl -pe 's/.\x08//g' |
		perl -ne 'BEGIN { $from = shift } $on = 1 if index($_, $from) >= 0; last if $on && /^ {0,10}\S/; s/^ {11}// and print if $on' "$1"
}

@test "the lines of Python in vae-model(5) save what imports: a state dict, checkpoints that contain one, a whole module, an .npz" {
	/usr/bin/python3 -c 'import torch, numpy' 2>/dev/null || skip "PyTorch is not installed: install the packages python3-torch and python3-numpy"
	command -v mandoc >/dev/null || skip "mandoc is not installed: install the package mandoc"
	lines 'import json, struct, torch' >save.py
	lines 'import numpy' >npz.txt
	grep 'f.write' save.py
	cat >module.py <<-E
		import torch
		class Net(torch.nn.Module):
		    def __init__(self):
		        super().__init__()
		        self.encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
		        self.decoder = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 64))
	E
	cat >make.py <<-E
		import torch, numpy
		from module import Net
		torch.manual_seed(3)
		net = Net()
		optimizer = torch.optim.Adam(net.parameters())
		net.decoder(net.encoder(torch.rand(2, 8, 8))[:, :4]).sum().backward()
		optimizer.step()
		state = net.state_dict()
		torch.save(state, "state.pt")
		torch.save({"epoch": 3, "optimizer_states": [optimizer.state_dict()], "optimizer": optimizer.state_dict(), "state_dict": state}, "lightning.pt")
		torch.save({"iter": 10000, "model_states": {"net": state}, "optim_states": {"optim": optimizer.state_dict()}}, "nested.pt")
		torch.save(net, "module.pt")
		torch.save(torch.nn.DataParallel(net), "parallel.pt")
		numpy.savez("vae-10000.npz", **{name: t.numpy() for name, t in state.items()})
	E
	/usr/bin/python3 make.py
	for i in state lightning nested module parallel; do
		cp $i.pt vae-10000.pt
		rm -f vae-10000.safetensors
		PYTHONPATH=. /usr/bin/python3 save.py
		rename=()
		[ $i != parallel ] || rename=(--rename module.=)
		vae-ckpt import -q -c tiny "${rename[@]}" -o $i.vae vae-10000.safetensors
		vae-ckpt list -m $i.vae | cut -f1,2 >$i.id
		grep -w 10000 $i.id
		cmp state.id $i.id
	done
	rm vae-10000.pt
	{
		grep '^import' save.py
		cat npz.txt
		sed '1,/^state = next/d' save.py
	} >npz.py
	/usr/bin/python3 npz.py
	vae-ckpt import -q -c tiny -o npz.vae vae-10000.safetensors
	vae-ckpt list -m npz.vae | cut -f1,2 | cmp state.id
	for i in state.pt vae-10000.npz; do
		run vae-ckpt import -q -c tiny -o x.vae $i
		[ "$status" -eq 1 ]
		[[ $output == *"not a safetensors file: vae-model(5), EXAMPLES, has the lines of Python"* ]]
	done
}

# folds NAME: the file NAME.safetensors of tests/data/torch-import scores as PyTorch's module does in inference form
folds() {
	local at=$root/tests/data/torch-import
	vae-ckpt import -q -c "$at/net.yaml" --batchnorm-eps 1e-3 -o "$1.vae" "$at/$2.safetensors"
	vae-selfinf -q -m "$1.vae" --eps "$data/eps.npy" "$data/pictures.tar" | vae-cut -k recon,kl,loss >got.tsv
	perl -MJSON::PP -e '
		my $want = decode_json(do { local (@ARGV, $/) = $ARGV[0]; <> })->{$ARGV[1]};
		open my $f, "<", "got.tsv" or die;
		my ($rows, $far) = (0, 0);
		while (<$f>) {
			my @v = split; my $w = $want->[$rows++];
			for (["recon", 0], ["kl", 1], ["loss", 2]) {
				next if abs($v[$_->[1]] / $w->{$_->[0]} - 1) <= 1e-6;
				print "record $rows, $_->[0]: $v[$_->[1]], wanted $w->{$_->[0]}\n";
				$far++;
			}
		}
		exit !($rows == 3 && !$far);' "$at/expected.json" "$1"
}

@test "BatchNorm before and after linear, convolutional and transposed layers is folded: scores are PyTorch's" {
	folds net net
	# another eps is another network
	vae-ckpt import -q -c "$root/tests/data/torch-import/net.yaml" -o default.vae "$root/tests/data/torch-import/net.safetensors"
	[ "$(vae-ckpt list -m default.vae | cut -f2)" != "$(vae-ckpt list -m net.vae | cut -f2)" ]
	vae-ckpt verify -m net.vae
}

@test "tensors of F16, BF16 and F64 are converted, with a warning" {
	folds half half
	run vae-ckpt import -c "$root/tests/data/torch-import/net.yaml" --batchnorm-eps 1e-3 --replace -o half.vae --summary s.json "$root/tests/data/torch-import/half.safetensors"
	[ "$status" -eq 0 ]
	[[ $output == *"tensors of F16, BF16 or F64 converted to F32"* ]]
	[[ $output == *"13 BatchNorm layers are each folded into the layer beside it, with eps 0.001"* ]]
	grep '"folded":13' s.json
}

@test "BatchNorm in front of a convolution with padding is refused, with the reason" {
	run vae-ckpt import -c "$root/tests/data/torch-import/net.yaml" -o net.vae "$root/tests/data/torch-import/padded.safetensors"
	[ "$status" -eq 1 ]
	[[ $output == *"padded.safetensors: BatchNorm 'encoder.0' cannot be folded: it is in front of a convolution with padding"* ]]
	[ ! -e net.vae ]
}

# curved_scores KIND NAME JSON: the layers' parts of self influence are within 1e-4 of those of that name
curved_scores() {
	vae-selfinf -q -m net.vae --curvature "$1" --parts --eps "$data/eps.npy" "$data/pictures.tar" | vae-cut --json >got.jsonl
	perl -MJSON::PP -e '
		my $want = decode_json(do { local (@ARGV, $/) = $ARGV[1]; <> });
		my ($rows, $far, $names) = (0, 0, 0);
		open my $f, "<", "got.jsonl" or die;
		while (<$f>) {
			my ($v, $w) = (decode_json($_), $want->{$ARGV[0]}[$rows++]);
			for (sort keys %$w) {
				$names++;
				next if abs($v->{$_} / $w->{$_} - 1) <= 1e-4;
				print "record $rows, $_: $v->{$_}, wanted $w->{$_}\n";
				$far++;
			}
		}
		exit !($rows == 3 && $names >= 15 && !$far);' "$2" "$3"
}

# curved YAML TENSORS JSON: the layers' parts of self influence with curvature are within 1e-4 of torch's
curved() {
	local at=$root/tests/data/torch-curvature
	vae-ckpt import -q -c "$1" -o net.vae "$2"
	vae-ckpt curvature -q -m net.vae --ekfac --eps "$data/eps.npy" "$data/pictures.tar"
	curved_scores kfac records "$at/$3"
	curved_scores ekfac ekfac "$at/$3"
	# the traces of the factors
	perl -MJSON::PP -e '
		my $want = decode_json(do { local (@ARGV, $/) = $ARGV[0]; <> })->{traces};
		open my $f, "<:raw", $ARGV[1] or die; my $all = do { local $/; <$f> };
		my $n = unpack "Q<", $all; my $h = decode_json(substr $all, 8, $n); my $far = 0;
		for my $layer (sort keys %$want) {
			for my $k ("a", "d") {
				my $t = $h->{"$layer.$k"}; my ($from, $side, $sum) = ($t->{data_offsets}[0], $t->{shape}[0], 0);
				$sum += unpack "f<", substr $all, 8 + $n + $from + 4 * ($side + 1) * $_, 4 for 0 .. $side - 1;
				next if abs($sum / $want->{$layer}{$k} - 1) <= 1e-5;
				print "$layer.$k: $sum, wanted $want->{$layer}{$k}\n";
				$far++;
			}
		}
		exit !!$far' "$at/$3" net.vae/curvature-*.safetensors
}

@test "curvature, and self influence with it, as torch's autograd computes them: convolutions" {
	curved "$data/net.yaml" "$data/net.safetensors" conv.json
}

@test "curvature, and self influence with it, as torch's autograd computes them: linear layers" {
	curved "$root/tests/data/torch-curvature/mlp.yaml" "$root/tests/data/torch-curvature/mlp.safetensors" mlp.json
}

@test "a learnt variance of three channels scores as torch's autograd does, and goes in and out" {
	sed 's/^model:/model:\n  variance: learnt/; $a train: {likelihood: gaussian}' "$data/net.yaml" >learnt.yaml
	vae-ckpt import -q -c ./learnt.yaml -o net.vae "$data-variance/net.safetensors"
	ln -s "$data/eps.npy" "$data/pictures.tar" .
	cp "$data-variance/expected.json" .
	data=. VAE_FILTERS_SIMD=avx512 as_torch 1e-5
	data=. as_torch 5e-5
	vae-ckpt show -m net.vae | grep -F "log_variance	[3]"
	vae-ckpt export -q -m net.vae -o again.safetensors
	vae-ckpt import -q -c ./learnt.yaml -o twice.vae again.safetensors
	[ "$(vae-ckpt show -m net.vae | grep -v step)" = "$(vae-ckpt show -m twice.vae | grep -v step)" ]
	run vae-ckpt import -q -c ./learnt.yaml -o other.vae "$data/net.safetensors"
	[ "$status" -eq 1 ]
	[[ $output == *"lacks log_variance"* ]]
	run vae-ckpt import -q -c "$data/net.yaml" -o other.vae "$data-variance/net.safetensors"
	[ "$status" -eq 1 ]
	[[ $output == *"log_variance"* ]]
}
