# sets.sh, of the scripts in this directory: checks for tools, and packs the data sets.
# shellcheck shell=sh

# require_tools TOOL...
require_tools()
{
	for tool; do
		command -v "$tool" >/dev/null || { echo "$(basename "$0" .sh): $tool is not in PATH: run 'make' and add build/ to it, or 'make install'" >&2; exit 1; }
	done
}

# pack_letters [OPTION...]: the digits of VAE_MNIST, with these options of vae-pack, and the letters of VAE_LETTERS, whose labels are above 100
pack_letters()
{
	vae-pack "$@" --key-prefix members/ "$VAE_MNIST"/*train-images* "$VAE_MNIST"/*train-labels* &&
		vae-pack --key-prefix outliers/ "$VAE_LETTERS"/letters*images* "$VAE_LETTERS"/letters*labels*
}

# pack_clothes C [OPTION...]: the records of VAE_FASHION that are not of class C, with these options of vae-pack, and 60 records of class C
pack_clothes()
{
	class=$1
	shift
	vae-pack "$@" --only "cls != $class" --key-prefix members/ "$VAE_FASHION"/train-images* "$VAE_FASHION"/train-labels* &&
		vae-pack --only "cls == $class" --limit 60 --key-prefix outliers/ "$VAE_FASHION"/train-images* "$VAE_FASHION"/train-labels*
}

# pack_pictures SET: mnist or fashion, the t10k images without labels; pictures or photos, the stream VAE_PICTURES or VAE_PHOTOS.
pack_pictures()
{
	case $1 in
	mnist) vae-pack -q "$VAE_MNIST"/t10k-images* 2>/dev/null || vae-pack -q "$VAE_MNIST"/*t10k-images* ;;
	fashion) vae-pack -q "${VAE_FASHION:-/usr/share/datasets/fashion-mnist}"/t10k-images* ;;
	pictures) zstd -dcf <"$VAE_PICTURES" ;;
	photos) zstd -dcf <"$VAE_PHOTOS" ;;
	*) echo "$(basename "$0" .sh): no data set '$1': mnist, fashion, pictures or photos" >&2; exit 2 ;;
	esac
}
