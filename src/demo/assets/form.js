// What real portals' forms do besides the browser's own checks: the file name beside the styled
// button, and groups of which something has to be ticked.
document.querySelectorAll('.upload input[type=file]').forEach(function (input) {
  input.addEventListener('change', function () {
    var file = input.files[0];
    var name = input.closest('.row').querySelector('.name');
    if (file && file.size > 2 * 1024 * 1024) {
      alert('文件超过 2 MB，请压缩后重新上传');
      input.value = '';
      file = null;
    }
    name.textContent = file ? file.name : '未选择文件';
    name.classList.toggle('chosen', !!file);
  });
});
document.querySelectorAll('form[data-check]').forEach(function (form) {
  var sent = false;
  form.addEventListener('submit', function (event) {
    var empty = Array.prototype.find.call(form.querySelectorAll('[data-some]'), function (group) {
      return !group.querySelector(':checked');
    });
    if (empty) {
      event.preventDefault();
      alert(empty.dataset.some);
    } else if (sent) {
      event.preventDefault();
    } else {
      sent = true;
    }
  });
});
window.addEventListener('pageshow', function (event) {
  if (event.persisted) location.reload();
});
